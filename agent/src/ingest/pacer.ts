import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '@clustermesh/runtime';

/** Time one stage may hold the event loop, milliseconds: far below the 50 ms that a stall may last. */
const sliceMs = 10;

/** Lets the event loop turn between batches of bulk work, but not after every small one. */
export class Pacer {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #turnedMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#turnedMs = clock.monotonicMs();
  }

  async pause(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#turnedMs < sliceMs) return;
    await turn();
    this.#turnedMs = this.#clock.monotonicMs();
  }
}
