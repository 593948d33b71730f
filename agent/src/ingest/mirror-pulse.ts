import type { Clock } from '@clustermesh/runtime';

/**
 * Whether the process that writes what we read still lives, by a key that it writes again and again (freshness,
 * heartbeat). When it dies, its leases expire and its keys vanish one by one: deletes in such a silence are lost
 * contact, not deletions (I3, I4). A writer that was never heard is no writer of such keys, and is believed.
 */
export class MirrorPulse {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #silenceMs: number;
  #heardMs: number | undefined;
  #steadySinceMs = 0;

  /** `silenceMs` must be longer than the writer's period and shorter than its leases. */
  constructor(clock: Pick<Clock, 'monotonicMs'>, silenceMs: number) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
  }

  heard(): void {
    const now = this.#clock.monotonicMs();
    if (this.#heardMs === undefined || this.isSilent) this.#steadySinceMs = now;
    this.#heardMs = now;
  }

  get isSilent(): boolean {
    return this.#heardMs !== undefined && this.#clock.monotonicMs() - this.#heardMs > this.#silenceMs;
  }

  /** Heard without a gap for so long, milliseconds; 0 in silence or when never heard. */
  get steadyMs(): number {
    if (this.#heardMs === undefined || this.isSilent) return 0;
    return this.#clock.monotonicMs() - this.#steadySinceMs;
  }
}
