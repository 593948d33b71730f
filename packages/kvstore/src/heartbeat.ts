import { describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';

import type { KvWriter } from './kv-store.ts';

export interface HeartbeatOptions {
  readonly key: string;
  /** The key's bytes at a wall-clock time; readers look at the change, not at the value. */
  readonly value: (nowMs: number) => Uint8Array;
  readonly intervalMs?: number;
}

export interface HeartbeatDeps {
  readonly writer: Pick<KvWriter, 'commit' | 'onLeaseLost'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Protocol.md §3.3. */
export const heartbeatIntervalMs = 60_000;
const writeTimeoutMs = 25_000;
/** Readers give up after two intervals: one that a short outage has swallowed must not be missed for long. */
const retryMs = 5_000;

/**
 * Tells readers that this store's writer lives: puts a key at once (Cilium itself waits one interval), then every
 * interval, soon after a write that failed, and at once when the key went with its lease or its store.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #deps: HeartbeatDeps;

  constructor(options: HeartbeatOptions, deps: HeartbeatDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, writer } = this.#deps;
    const { key, intervalMs = heartbeatIntervalMs } = this.#options;
    let lost = new AbortController();
    const unsubscribe = writer.onLeaseLost((keys) => {
      if (keys.includes(key)) lost.abort();
    });
    try {
      while (!signal.aborted) {
        lost = new AbortController();
        const isWritten = await this.#tryBeat(signal);
        const waitMs = isWritten ? intervalMs : Math.min(retryMs, intervalMs);
        await clock.sleep(waitMs, AbortSignal.any([signal, lost.signal]));
      }
    } finally {
      unsubscribe();
    }
  }

  async #tryBeat(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#beat(signal);
      return true;
    } catch (error) {
      if (!isAborted(signal)) this.#deps.log.warn({ reason: describeError(error) }, 'heartbeat not written');
      return false;
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { writer, clock } = this.#deps;
    const { key, value } = this.#options;
    const done = new AbortController();
    const late = new AbortController();
    const timer = clock.sleep(writeTimeoutMs, done.signal).then(() => late.abort());
    try {
      await writer.commit([{ kind: 'put', key, value: value(clock.now()) }], AbortSignal.any([signal, late.signal]));
    } finally {
      done.abort();
      await timer;
    }
  }
}
