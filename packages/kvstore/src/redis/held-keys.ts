import { KeyTable } from '../key-table/key-table.ts';
import { WordRows } from '../key-table/word-rows.ts';

/** A set of keys: hundreds of thousands are what a cache of large clusters has. */
export class HeldKeys {
  readonly #table = new KeyTable();
  /** Of a slot: 1 where there is a key. */
  readonly #present = new WordRows(1);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(key: string): boolean {
    return this.#table.find(key) >= 0;
  }

  add(key: string): void {
    if (this.has(key)) return;
    this.#present.set(this.#table.hold(key), 0, 1);
    this.#size++;
  }

  delete(key: string): void {
    const slot = this.#table.find(key);
    if (slot < 0) return;
    this.#present.set(slot, 0, 0);
    this.#table.release(slot);
    this.#size--;
  }

  all(): string[] {
    const keys: string[] = [];
    for (let slot = 0; slot < this.#table.slots; slot++) {
      if (this.#present.get(slot, 0) === 1) keys.push(this.#table.keyAt(slot));
    }
    return keys;
  }
}
