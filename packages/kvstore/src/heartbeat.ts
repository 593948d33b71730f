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
  readonly writer: Pick<KvWriter, 'commit'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Protocol.md §3.3. */
export const heartbeatIntervalMs = 60_000;
const writeTimeoutMs = 25_000;

/**
 * Tells readers that this store's writer lives: puts a key at once (Cilium itself waits one interval) and then every
 * interval. A failed write is logged and done again at the next interval.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #deps: HeartbeatDeps;

  constructor(options: HeartbeatOptions, deps: HeartbeatDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      try {
        await this.#beat(signal);
      } catch (error) {
        if (isAborted(signal)) return;
        log.warn({ reason: describeError(error) }, 'heartbeat not written');
      }
      await clock.sleep(this.#options.intervalMs ?? heartbeatIntervalMs, signal);
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
