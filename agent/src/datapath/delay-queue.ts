/** Things that become due in the order they came, each after the same delay: a drain, a quarantine. */
export class DelayQueue<T> {
  readonly #delayMs: number;
  #items: { readonly dueMs: number; readonly item: T }[] = [];

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: T, nowMs: number): void {
    this.#items.push({ dueMs: nowMs + this.#delayMs, item });
  }

  /** Takes what is due. */
  due(nowMs: number): readonly T[] {
    const rest = this.#items.findIndex(({ dueMs }) => dueMs > nowMs);
    const taken = this.#items.splice(0, rest === -1 ? this.#items.length : rest);
    return taken.map(({ item }) => item);
  }
}
