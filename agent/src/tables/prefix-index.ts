import type { Random } from '@clustermesh/runtime';

/** Length of a prefix that is one address: addresses are 16 bytes (v4-mapped). */
export const hostPrefix = 128;

/** Words of a key: four of the address, one for the prefix length. */
const keyWords = 5;

/**
 * Row numbers by address prefix, without an object per entry: keys lie in one typed array, found by open addressing
 * with linear probing. Row numbers are small, stable and used again after `remove`, so that callers keep what they
 * know of a row in columns beside it. The hash is seeded: a peer cannot choose addresses that collide.
 */
export class PrefixIndex {
  readonly #seed: number;
  #keys: Uint32Array;
  /** row + 1, 0 = empty. Always a power of two, at most half full. */
  #slots: Uint32Array;
  #isLive: Uint8Array;
  readonly #unused: number[] = [];
  #rows = 0;
  #size = 0;
  readonly #probe = new Uint32Array(keyWords);

  /** Room for `expectedRows` is there from the start: growing later costs time in one piece. */
  constructor(random: Random, expectedRows = 256) {
    this.#seed = Math.floor(random.next() * 0x1_0000_0000);
    this.#keys = new Uint32Array(expectedRows * keyWords);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(expectedRows * 2)));
    this.#isLive = new Uint8Array(expectedRows);
  }

  get size(): number {
    return this.#size;
  }

  /** Columns must have room for this many rows. */
  get rowCapacity(): number {
    return this.#isLive.length;
  }

  /** The row of a prefix, or -1. */
  find(address: Uint8Array, prefixLength: number): number {
    this.#load(address, prefixLength);
    return (this.#slots[this.#slotOf()] ?? 0) - 1;
  }

  /** The row of a prefix, a new one when it has none. */
  insert(address: Uint8Array, prefixLength: number): number {
    this.#load(address, prefixLength);
    let slot = this.#slotOf();
    const found = this.#slots[slot] ?? 0;
    if (found !== 0) return found - 1;
    if ((this.#size + 1) * 2 > this.#slots.length) {
      this.#rehash(this.#slots.length * 2);
      slot = this.#slotOf();
    }
    const row = this.#unused.pop() ?? this.#newRow();
    this.#keys.set(this.#probe, row * keyWords);
    this.#isLive[row] = 1;
    this.#slots[slot] = row + 1;
    this.#size++;
    return row;
  }

  remove(row: number): void {
    if (!this.has(row)) return;
    this.#probe.set(this.#keys.subarray(row * keyWords, (row + 1) * keyWords));
    this.#vacate(this.#slotOf());
    this.#isLive[row] = 0;
    this.#unused.push(row);
    this.#size--;
  }

  has(row: number): boolean {
    return this.#isLive[row] === 1;
  }

  /** Writes the row's 16 address bytes into `target`. */
  copyAddress(row: number, target: Uint8Array, offset = 0): void {
    for (let word = 0; word < 4; word++) {
      const value = this.#keys[row * keyWords + word] ?? 0;
      const at = offset + word * 4;
      target[at] = value >>> 24;
      target[at + 1] = value >>> 16;
      target[at + 2] = value >>> 8;
      target[at + 3] = value;
    }
  }

  address(row: number): Uint8Array {
    const bytes = new Uint8Array(16);
    this.copyAddress(row, bytes);
    return bytes;
  }

  prefixLength(row: number): number {
    return this.#keys[row * keyWords + 4] ?? 0;
  }

  *rows(): IterableIterator<number> {
    for (let row = 0; row < this.#rows; row++) if (this.#isLive[row] === 1) yield row;
  }

  #load(address: Uint8Array, prefixLength: number): void {
    for (let word = 0; word < 4; word++) {
      const at = word * 4;
      this.#probe[word] =
        ((address[at] ?? 0) << 24) |
        ((address[at + 1] ?? 0) << 16) |
        ((address[at + 2] ?? 0) << 8) |
        (address[at + 3] ?? 0);
    }
    this.#probe[4] = prefixLength;
  }

  /** The slot that holds the probed key, or the empty one where it belongs. */
  #slotOf(): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(this.#probe, 0) & mask;
    for (let row = this.#slots[slot] ?? 0; row !== 0; row = this.#slots[slot] ?? 0) {
      if (this.#equals(row - 1)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #equals(row: number): boolean {
    for (let word = 0; word < keyWords; word++) {
      if (this.#keys[row * keyWords + word] !== this.#probe[word]) return false;
    }
    return true;
  }

  /** Closes the gap, so that probing never meets a tombstone. */
  #vacate(gap: number): void {
    const mask = this.#slots.length - 1;
    let empty = gap;
    for (let slot = (gap + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] ?? 0) - 1;
      const home = this.#hash(this.#keys, row * keyWords) & mask;
      if (((slot - home) & mask) < ((slot - empty) & mask)) continue;
      this.#slots[empty] = row + 1;
      empty = slot;
    }
    this.#slots[empty] = 0;
  }

  #newRow(): number {
    const row = this.#rows++;
    if (row < this.#isLive.length) return row;
    this.#keys = grown(this.#keys, new Uint32Array(this.#keys.length * 2));
    this.#isLive = grown(this.#isLive, new Uint8Array(this.#isLive.length * 2));
    return row;
  }

  #rehash(slots: number): void {
    this.#slots = new Uint32Array(slots);
    const mask = slots - 1;
    for (const row of this.rows()) {
      let slot = this.#hash(this.#keys, row * keyWords) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = row + 1;
    }
  }

  /** Murmur3's mixing of the five words. */
  #hash(words: Uint32Array, offset: number): number {
    let hash = this.#seed;
    for (let word = 0; word < keyWords; word++) {
      let mixed = Math.imul(words[offset + word] ?? 0, 0xcc9e2d51);
      mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
      hash ^= mixed;
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

/** Copies a column into a larger one. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
