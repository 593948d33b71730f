import type { Random } from '@clustermesh/runtime';

import { PrefixRows, isNarrowKey, keyWords } from './prefix-rows.ts';

/** Length of a prefix that is one address: addresses are 16 bytes (v4-mapped). */
export const hostPrefix = 128;

/** Parts that grow each by itself, so that no growth takes long. A power of two. */
const shards = 64;
const shardBits = 6;
/** Slots of a part that has any. */
const fewestSlots = 8;

/**
 * Row numbers by address prefix, without an object per entry: keys lie in typed arrays, found by open addressing with
 * linear probing. Row numbers are small, stable and used again after `remove`, so that callers keep what they
 * know of a row in columns beside it. The hash is seeded: a peer cannot choose addresses that collide.
 */
export class PrefixIndex {
  readonly #seed: number;
  readonly #rows = new PrefixRows();
  /** row + 1, 0 = empty. Each a power of two, at most three quarters full. */
  readonly #slots: Uint32Array[] = Array.from({ length: shards }, () => noSlots);
  readonly #used = new Uint32Array(shards);
  readonly #probe = new Uint32Array(keyWords);
  /** Of the key that was hashed last: which part, and where in it to begin. */
  #shard = 0;
  #home = 0;

  constructor(random: Random) {
    this.#seed = Math.floor(random.next() * 0x1_0000_0000);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** All row numbers are below. */
  get rowCapacity(): number {
    return this.#rows.capacity;
  }

  /** The row of a prefix, or -1. */
  find(address: Uint8Array, prefixLength: number): number {
    this.#load(address, prefixLength);
    return this.#found();
  }

  /** The row of a prefix, a new one when it has none. */
  insert(address: Uint8Array, prefixLength: number): number {
    this.#load(address, prefixLength);
    const found = this.#found();
    if (found >= 0) return found;
    const used = (this.#used[this.#shard] ?? 0) + 1;
    if (used * 4 > (this.#slots[this.#shard] ?? noSlots).length * 3) this.#grow(this.#shard);
    const row = this.#rows.add(this.#probe);
    this.#place(row);
    this.#used[this.#shard] = used;
    return row;
  }

  remove(row: number): void {
    if (!this.has(row)) return;
    this.#rows.copyKey(row, this.#probe);
    this.#hash();
    this.#vacate(this.#slotOf(row));
    this.#rows.remove(row);
    this.#used[this.#shard] = (this.#used[this.#shard] ?? 1) - 1;
  }

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  /** Writes the row's 16 address bytes into `target`. */
  copyAddress(row: number, target: Uint8Array, offset = 0): void {
    this.#rows.copyAddress(row, target, offset);
  }

  address(row: number): Uint8Array {
    const bytes = new Uint8Array(16);
    this.copyAddress(row, bytes);
    return bytes;
  }

  prefixLength(row: number): number {
    return this.#rows.prefixLength(row);
  }

  rows(): IterableIterator<number> {
    return this.#rows.all();
  }

  #load(address: Uint8Array, prefixLength: number): void {
    const probe = this.#probe;
    for (let word = 0, at = 0; word < 4; word++, at += 4) {
      probe[word] =
        ((address[at] ?? 0) << 24) |
        ((address[at + 1] ?? 0) << 16) |
        ((address[at + 2] ?? 0) << 8) |
        (address[at + 3] ?? 0);
    }
    probe[4] = prefixLength;
    this.#hash();
  }

  /** The row of the probed key, or -1. */
  #found(): number {
    const slots = this.#slots[this.#shard] ?? noSlots;
    if (slots.length === 0) return -1;
    const mask = slots.length - 1;
    for (let slot = this.#home & mask; ; slot = (slot + 1) & mask) {
      const row = (slots[slot] ?? 0) - 1;
      if (row < 0 || this.#rows.isKey(row, this.#probe)) return row;
    }
  }

  /** Where the row stands, which is in the part that was hashed last. */
  #slotOf(row: number): number {
    const slots = this.#slots[this.#shard] ?? noSlots;
    const mask = slots.length - 1;
    let slot = this.#home & mask;
    while (slots[slot] !== row + 1) slot = (slot + 1) & mask;
    return slot;
  }

  #place(row: number): void {
    const slots = this.#slots[this.#shard] ?? noSlots;
    const mask = slots.length - 1;
    let slot = this.#home & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = row + 1;
  }

  /** Closes the gap, so that probing never meets a tombstone. */
  #vacate(gap: number): void {
    const slots = this.#slots[this.#shard] ?? noSlots;
    const mask = slots.length - 1;
    let empty = gap;
    for (let slot = (gap + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = (slots[slot] ?? 0) - 1;
      this.#rows.copyKey(row, this.#probe);
      this.#hash();
      if (((slot - this.#home) & mask) < ((slot - empty) & mask)) continue;
      slots[empty] = row + 1;
      empty = slot;
    }
    slots[empty] = 0;
  }

  /** The probed key stays the one that was hashed last. */
  #grow(shard: number): void {
    const before = this.#slots[shard] ?? noSlots;
    const wanted = this.#probe.slice();
    this.#slots[shard] = new Uint32Array(Math.max(fewestSlots, before.length * 2));
    for (const entry of before) {
      if (entry === 0) continue;
      this.#rows.copyKey(entry - 1, this.#probe);
      this.#hash();
      this.#place(entry - 1);
    }
    this.#probe.set(wanted);
    this.#hash();
  }

  /** Murmur3's mixing of the words, but for those that are the same of all IPv4 addresses. */
  #hash(): void {
    const words = this.#probe;
    const isAlike = isNarrowKey(words);
    let hash = this.#seed;
    for (let word = isAlike ? 3 : 0; word < (isAlike ? 4 : keyWords); word++) {
      let mixed = Math.imul(words[word] ?? 0, 0xcc9e2d51);
      mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
      hash ^= mixed;
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
    this.#shard = hash & (shards - 1);
    this.#home = hash >>> shardBits;
  }
}

const noSlots = new Uint32Array(0);
