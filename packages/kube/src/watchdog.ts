import type { Clock } from '@clustermesh/runtime';

/**
 * Bites when nobody fed it for `idleMs`: the only way to notice a connection whose other side vanished. One timer
 * for each idle period, not one for each feeding.
 */
export class Watchdog implements Disposable {
  readonly #bite = new AbortController();
  readonly #done = new AbortController();
  readonly #clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  #lastFedMs: number;

  constructor(idleMs: number, clock: Pick<Clock, 'sleep' | 'monotonicMs'>) {
    this.#clock = clock;
    this.#lastFedMs = clock.monotonicMs();
    void this.#guard(idleMs);
  }

  /** Aborts when it bites. */
  get signal(): AbortSignal {
    return this.#bite.signal;
  }

  get hasBitten(): boolean {
    return this.#bite.signal.aborted;
  }

  feed(): void {
    this.#lastFedMs = this.#clock.monotonicMs();
  }

  async #guard(idleMs: number): Promise<void> {
    while (!this.#done.signal.aborted) {
      const leftMs = this.#lastFedMs + idleMs - this.#clock.monotonicMs();
      if (leftMs <= 0) {
        this.#bite.abort();
        return;
      }
      await this.#clock.sleep(leftMs, this.#done.signal);
    }
  }

  [Symbol.dispose](): void {
    this.#done.abort();
  }
}
