/** A queue between two loops: `push` waits while it is full (back-pressure), iteration waits while it is empty. */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  readonly #takers: (() => void)[] = [];
  readonly #pushers: (() => void)[] = [];
  #closed = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#items.length;
  }

  /** False when the queue is closed: the item was not taken. */
  async push(item: T): Promise<boolean> {
    while (this.#items.length >= this.#capacity && !this.#closed) {
      await new Promise<void>((resolve) => this.#pushers.push(resolve));
    }
    if (this.#closed) return false;
    this.#items.push(item);
    this.#takers.shift()?.();
    return true;
  }

  /** Ends iteration once what is queued has been taken. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const wake of [...this.#takers.splice(0), ...this.#pushers.splice(0)]) wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#pushers.shift()?.();
        yield item;
      } else if (this.#closed) {
        return;
      } else {
        await new Promise<void>((resolve) => this.#takers.push(resolve));
      }
    }
  }
}
