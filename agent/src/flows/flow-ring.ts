/** A part of what is kept. */
export interface RingPart<T> {
  readonly entries: readonly T[];
  /** Where the next part begins. */
  readonly next: number;
  /** Entries that were asked for and are not kept any more. */
  readonly missed: number;
}

/**
 * The last so many entries, each with a number. Readers come with the number that they want next: they cost no memory,
 * and whoever is too slow is told how many it missed.
 */
export class FlowRing<T> {
  readonly #capacity: number;
  readonly #entries: T[] = [];
  readonly #waiting = new Set<() => void>();
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The number of the entry that comes next. */
  get next(): number {
    return this.#next;
  }

  /** The oldest that is kept. */
  get first(): number {
    return Math.max(0, this.#next - this.#capacity);
  }

  push(entry: T): void {
    this.#entries[this.#next % this.#capacity] = entry;
    this.#next += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  read(from: number, limit: number): RingPart<T> {
    const start = Math.max(from, this.first);
    const next = Math.min(this.#next, start + limit);
    const entries: T[] = [];
    for (let number = start; number < next; number++) {
      const entry = this.#entries[number % this.#capacity];
      if (entry !== undefined) entries.push(entry);
    }
    return { entries, next, missed: start - from };
  }

  /** Until there is an entry of this number, or abort. */
  async reached(number: number, signal: AbortSignal): Promise<void> {
    while (this.#next <= number && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const wake = (): void => resolve(undefined);
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      signal.removeEventListener('abort', wake);
      this.#waiting.delete(wake);
    }
  }
}
