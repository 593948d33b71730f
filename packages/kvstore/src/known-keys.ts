import { hashBytes } from './bytes-hash.ts';
import type { Lanes } from './bytes-hash.ts';

/**
 * What a mirror knows of a prefix: keys, hashes and sizes of their values, in columns (four numbers a key), because
 * millions of keys are a design case. A key also carries the listing that last named it, so that a new listing
 * finds what is gone without a second set of keys.
 */
export class KnownKeys {
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #hash: Lanes = { high: 0, low: 0 };
  #high = new Uint32Array(64);
  #low = new Uint32Array(64);
  #size = new Uint32Array(64);
  /** Number of the listing that last named the slot's key. */
  #seen = new Uint32Array(64);
  #listing = 0;

  get size(): number {
    return this.#slots.size;
  }

  keys(): MapIterator<string> {
    return this.#slots.keys();
  }

  has(key: string): boolean {
    return this.#slots.has(key);
  }

  /** Bytes of the value; undefined when the key is not known. */
  sizeOf(key: string): number | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#size[slot];
  }

  /** Remembers the value's hash; false when it is the one known already. Counts as named by the listing. */
  put(key: string, value: Uint8Array): boolean {
    const { high, low } = hashBytes(value, this.#hash);
    const known = this.#slots.get(key);
    const slot = known ?? this.#allocate(key);
    this.#seen[slot] = this.#listing;
    if (known !== undefined && this.#high[slot] === high && this.#low[slot] === low) return false;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#size[slot] = value.length;
    return true;
  }

  /** Takes a key over from another set, as it is known there. */
  moveFrom(other: KnownKeys, key: string): void {
    const from = other.#slots.get(key);
    if (from === undefined) return;
    const slot = this.#slots.get(key) ?? this.#allocate(key);
    for (const [mine, theirs] of [
      [this.#high, other.#high],
      [this.#low, other.#low],
      [this.#size, other.#size],
    ] as const) {
      mine[slot] = theirs[from] ?? 0;
    }
    this.#seen[slot] = this.#listing;
    other.delete(key);
  }

  /** Is this the value known for `key`? */
  matches(key: string, value: Uint8Array): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    const { high, low } = hashBytes(value, this.#hash);
    return this.#high[slot] === high && this.#low[slot] === low;
  }

  delete(key: string): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#slots.delete(key);
    this.#free.push(slot);
    return true;
  }

  clear(): void {
    this.#slots.clear();
    this.#free.length = 0;
  }

  /** From here on `put` and `touch` mark keys as named by the new listing. */
  startListing(): void {
    this.#listing++;
  }

  /** Names a key in the listing without a new value. */
  touch(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#seen[slot] = this.#listing;
  }

  /** Keys that the current listing has not named. */
  *unlisted(): Generator<string> {
    for (const [key, slot] of this.#slots) if (this.#seen[slot] !== this.#listing) yield key;
  }

  #allocate(key: string): number {
    const slot = this.#free.pop() ?? this.#slots.size;
    if (slot >= this.#seen.length) this.#grow();
    this.#slots.set(key, slot);
    return slot;
  }

  #grow(): void {
    this.#high = doubled(this.#high);
    this.#low = doubled(this.#low);
    this.#size = doubled(this.#size);
    this.#seen = doubled(this.#seen);
  }
}

function doubled(column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const wider = new Uint32Array(column.length * 2);
  wider.set(column);
  return wider;
}
