import { MeshError, runAll } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import { heartbeatIntervalMs } from './heartbeat.ts';
import type { KvReader } from './kv-store.ts';

export interface HeartbeatWatchOptions {
  /** Watched as a prefix without a slash at its end: that is the range readers may see (protocol.md §1.2). */
  readonly prefix: string;
  readonly intervalMs?: number;
}

/**
 * The reader's side (protocol.md §3.4): contact counts as lost when no beat has come for two intervals. Every put
 * is a beat, whatever it says (no clocks to compare); the key need not exist yet.
 */
export class HeartbeatWatch {
  readonly #options: HeartbeatWatchOptions;
  readonly #clock: Clock;
  #lastBeatMs = 0;
  #isConnected = false;

  constructor(options: HeartbeatWatchOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** The prefix has been listed: the store answers. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Milliseconds since the last beat, or since `run` began. */
  get ageMs(): number {
    return this.#clock.monotonicMs() - this.#lastBeatMs;
  }

  /** Until abort; throws KV_UNAVAILABLE when the beat stops, and what `watch` throws. `onBeat`: the revision of each beat. */
  async run(kv: Pick<KvReader, 'watch'>, signal: AbortSignal, onBeat?: (modRevision: bigint) => void): Promise<void> {
    this.#lastBeatMs = this.#clock.monotonicMs();
    try {
      await runAll([(both) => this.#follow(kv, both, onBeat), (both) => this.#expire(both)], signal);
    } finally {
      this.#isConnected = false;
    }
  }

  async #follow(
    kv: Pick<KvReader, 'watch'>,
    signal: AbortSignal,
    onBeat?: (modRevision: bigint) => void,
  ): Promise<void> {
    for await (const batch of kv.watch(this.#options.prefix, {}, signal)) {
      this.#isConnected ||= batch.phase !== 'list';
      const beat = batch.events.findLast(({ kind }) => kind === 'put');
      if (beat === undefined) continue;
      this.#lastBeatMs = this.#clock.monotonicMs();
      onBeat?.(beat.modRevision);
    }
  }

  async #expire(signal: AbortSignal): Promise<void> {
    const limitMs = 2 * (this.#options.intervalMs ?? heartbeatIntervalMs);
    while (!signal.aborted) {
      const leftMs = limitMs - this.ageMs;
      if (leftMs <= 0) {
        throw new MeshError('KV_UNAVAILABLE', `no heartbeat for ${limitMs / 1_000} s`, { retryable: true });
      }
      await this.#clock.sleep(leftMs, signal);
    }
  }
}
