import { Heartbeat, SyncStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import type { Clock, Logger, Random } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import type { DesiredKeys } from './desired-keys.ts';

export interface PublishDeps {
  readonly kv: KvStore;
  /** As it is now; undefined until somebody has said. */
  readonly desired: () => Promise<DesiredKeys | undefined>;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const pollMs = 100;
const nothing: DesiredKeys = { entries: {}, canaries: [], beats: false };

/**
 * Keeps an etcd as an apiserver of Cilium keeps its own: all keys on a lease that it renews, canaries behind the data
 * that they stand for, a heartbeat. What the keys and values are is none of its business.
 */
export async function publishSamples(deps: PublishDeps, signal: AbortSignal): Promise<void> {
  const { kv: writer, clock, random, log } = deps;
  const both = { writer, clock, random, log };
  const [data, canaries] = [new SyncStore(both), new SyncStore(both)];
  const running = [data.run(signal), canaries.run(signal)];
  const known = new Set<string>();
  let desired = nothing;
  let beating: AbortController | undefined;
  while (!signal.aborted) {
    desired = (await deps.desired()) ?? desired;
    bring(data, known, desired.entries);
    await data.settled(signal);
    const missing = desired.canaries.filter((key) => canaries.sizeOf(key) === undefined);
    for (const key of missing) canaries.upsert(key, now(clock));
    beating = beats(desired.beats, beating, deps, signal);
    await clock.sleep(pollMs, signal);
  }
  await Promise.all(running);
}

function bring(data: SyncStore, known: Set<string>, entries: DesiredKeys['entries']): void {
  for (const [key, value] of Object.entries(entries)) {
    known.add(key);
    data.upsert(key, Buffer.from(value));
  }
  for (const key of known) {
    if (key in entries) continue;
    known.delete(key);
    data.delete(key);
  }
}

/** A heartbeat that stops leaves its key behind, as that of a writer that hangs. */
function beats(
  isWanted: boolean,
  beating: AbortController | undefined,
  { kv: writer, heartbeatMs: intervalMs, clock, log }: PublishDeps,
  signal: AbortSignal,
): AbortController | undefined {
  if (isWanted === (beating !== undefined)) return beating;
  beating?.abort();
  if (!isWanted) return undefined;
  const stop = new AbortController();
  const value = (): Uint8Array => now(clock);
  const heartbeat = new Heartbeat({ key: heartbeatKey, value, intervalMs }, { writer, clock, log });
  void heartbeat.run(AbortSignal.any([signal, stop.signal]));
  return stop;
}

function now(clock: Clock): Uint8Array {
  return Buffer.from(rfc3339(clock.now()));
}
