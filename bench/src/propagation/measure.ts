import { setTimeout as sleep } from 'node:timers/promises';

import type { Sighting } from './changes.ts';
import { latencies } from './latencies.ts';
import type { NameOf } from './latencies.ts';
import type { Measured } from './rounds.ts';

/** One way of a change, from who makes it to who sees it. */
export interface Way {
  /** Makes so many changes and tells when it made which. */
  send(count: number): Promise<readonly Sighting[]>;
  /** What was seen since the last time. */
  take(): Promise<readonly Sighting[]>;
  readonly nameOf: NameOf;
}

/** After the last change: what is not seen by then is lost. */
const lateMs = 10_000;
const pollMs = 50;

/** The first changes only warm up: they are made and not measured. */
export async function measure(
  way: Way,
  counts: { readonly warmUp: number; readonly measured: number },
): Promise<Measured> {
  await way.take();
  const sent = (await way.send(counts.warmUp + counts.measured)).slice(counts.warmUp);
  const seen: Sighting[] = [];
  const deadline = performance.now() + lateMs;
  for (;;) {
    seen.push(...(await way.take()));
    const { ms, lost } = latencies(sent, seen, way.nameOf);
    if (lost === 0 || performance.now() > deadline) return { ms, lost, rate: rateOf(sent) };
    await sleep(pollMs);
  }
}

function rateOf(sent: readonly Sighting[]): number {
  const [first, last] = [sent[0]?.atMs ?? 0, sent.at(-1)?.atMs ?? 0];
  return ((sent.length - 1) * 1_000) / (last - first);
}
