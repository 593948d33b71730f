import type { Random } from './random.ts';

export interface BackoffOptions {
  /** First upper bound, milliseconds. */
  readonly baseMs: number;
  /** Largest upper bound, milliseconds. */
  readonly capMs: number;
  readonly random: Random;
}

/** Full-jitter exponential delays: uniform in (0, min(cap, base × 2ⁿ)], so that a herd of clients spreads out. */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempt = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Delay before the next attempt, milliseconds. */
  next(): number {
    const { baseMs, capMs, random } = this.#options;
    const bound = Math.min(capMs, baseMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt++;
    return Math.max(1, Math.round(bound * (1 - random.next())));
  }

  /** Call on success. */
  reset(): void {
    this.#attempt = 0;
  }
}
