interface Delayed<T> {
  readonly dueMs: number;
  readonly item: T;
}

/** Things that become due in the order they came, each after the same delay: a drain, a quarantine. */
export class DelayQueue<T> {
  readonly #delayMs: number;
  #waiting: Delayed<T>[] = [];
  /** Those before it are taken: cut off once they are many. */
  #first = 0;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  push(item: T, nowMs: number): void {
    this.#waiting.push({ dueMs: nowMs + this.#delayMs, item });
  }

  /** Takes what is due. */
  *due(nowMs: number): Generator<T> {
    for (let next = this.#waiting[this.#first]; next !== undefined && next.dueMs <= nowMs;) {
      this.#first++;
      yield next.item;
      next = this.#waiting[this.#first];
    }
    if (this.#first * 2 <= this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }
}
