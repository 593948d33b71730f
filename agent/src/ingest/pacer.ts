import type { Clock } from '@clustermesh/runtime';

/** Time that bulk work may hold the event loop in one piece, milliseconds: far below the 50 ms that a stall may last. */
const sliceMs = 10;

/**
 * Lets the event loop turn between batches of bulk work, but not after every small one. All stages share one: those that
 * wait go on one a turn, so that the time does not add up over clusters and kinds.
 */
export class Pacer {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #waiting: (() => void)[] = [];
  #turnedMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#turnedMs = clock.monotonicMs();
  }

  async pause(): Promise<void> {
    if (this.#waiting.length === 0 && this.#clock.monotonicMs() - this.#turnedMs < sliceMs) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#turn();
    });
  }

  /** An immediate that is asked for by another one runs a turn later. */
  #turn(): void {
    setImmediate(() => {
      this.#turnedMs = this.#clock.monotonicMs();
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#turn();
    });
  }
}
