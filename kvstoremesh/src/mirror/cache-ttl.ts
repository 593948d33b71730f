import type { Clock } from '@clustermesh/runtime';

/** When the revocable kinds of a lost cluster are to be deleted from the cache: once an outage, or never (ttl 0). */
export class CacheTtl {
  readonly #ttlMs: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #lostAtMs: number | undefined;

  constructor(ttlMs: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#ttlMs = ttlMs;
    this.#clock = clock;
  }

  /** The connection is there, and so is the data. */
  restored(): void {
    this.#lostAtMs = Infinity;
  }

  /** Counts from the first call after `restored`; before there is nothing to withdraw. */
  lost(): void {
    if (this.#lostAtMs === Infinity) this.#lostAtMs = this.#clock.monotonicMs();
  }

  revoked(): void {
    this.#lostAtMs = undefined;
  }

  get isDue(): boolean {
    if (this.#ttlMs === 0 || this.#lostAtMs === undefined) return false;
    return this.#clock.monotonicMs() - this.#lostAtMs >= this.#ttlMs;
  }
}
