import { systemClock } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

/** Runs faster than the system's, so that delays of seconds fit into a test; its time of day can be set. */
export class QuickClock implements Clock {
  readonly #speed: number;
  readonly #startMs = Date.now();
  #jumpedMs = 0;

  constructor(speed: number) {
    this.#speed = speed;
  }

  now(): number {
    return this.#startMs + Math.floor(this.monotonicMs()) + this.#jumpedMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() * this.#speed;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms / this.#speed, signal);
  }

  /** Of the time of day alone: somebody sets the clock. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }
}
