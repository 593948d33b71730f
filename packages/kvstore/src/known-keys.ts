import { hashBytes } from './bytes-hash.ts';
import type { Lanes } from './bytes-hash.ts';
import { KeyTable } from './key-table/key-table.ts';
import { WordRows } from './key-table/word-rows.ts';

/** Words of a row. */
const listing = 0;
const high = 1;
const low = 2;
const size = 3;

/** Of the value that is looked at. */
const scratch: Lanes = { high: 0, low: 0 };
/** Of sets without a key, which most of a mirror's are: with hundreds of clusters there are tens of thousands. */
const unused = new KeyTable();

/**
 * What a mirror knows of a prefix: keys, hashes and sizes of their values, in columns (16 bytes a key beside the key itself,
 * which sets may share by their table), because millions of keys are a design case. A key also carries the listing that last
 * named it, so that a new listing finds what is gone without a second set of keys.
 */
export class KnownKeys {
  #table: KeyTable;
  /** Of a slot of the table; listing 0: not a key of this set. */
  readonly #rows = new WordRows(4);
  #size = 0;
  #listing = 1;

  constructor(table = unused) {
    this.#table = table;
  }

  get size(): number {
    return this.#size;
  }

  /** Keys may be deleted meanwhile. */
  *keys(): Generator<string, void> {
    for (const slot of this.#slots()) yield this.#table.keyAt(slot);
  }

  has(key: string): boolean {
    return this.#slotOf(key) !== undefined;
  }

  /** Bytes of the value; undefined when the key is not known. */
  sizeOf(key: string): number | undefined {
    const slot = this.#slotOf(key);
    return slot === undefined ? undefined : this.#rows.get(slot, size);
  }

  /** Remembers the value's hash; false when it is the one known already. Counts as named by the listing. */
  put(key: string, value: Uint8Array): boolean {
    hashBytes(value, scratch);
    const known = this.#slotOf(key);
    const slot = known ?? this.#hold(key);
    this.#rows.set(slot, listing, this.#listing);
    if (known !== undefined && this.#isHash(slot)) return false;
    this.#rows.set(slot, high, scratch.high);
    this.#rows.set(slot, low, scratch.low);
    this.#rows.set(slot, size, value.length);
    return true;
  }

  /** Takes a key over from another set, as it is known there. */
  moveFrom(other: KnownKeys, key: string): void {
    const from = other.#slotOf(key);
    if (from === undefined) return;
    const slot = this.#slotOf(key) ?? this.#hold(key);
    for (const word of [high, low, size]) this.#rows.set(slot, word, other.#rows.get(from, word));
    this.#rows.set(slot, listing, this.#listing);
    other.delete(key);
  }

  /** Is this the value known for `key`? */
  matches(key: string, value: Uint8Array): boolean {
    const slot = this.#slotOf(key);
    if (slot === undefined) return false;
    hashBytes(value, scratch);
    return this.#isHash(slot);
  }

  delete(key: string): boolean {
    const slot = this.#slotOf(key);
    if (slot === undefined) return false;
    this.#rows.set(slot, listing, 0);
    if (--this.#size === 0) this.#rows.zeroed();
    this.#table.release(slot);
    return true;
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }

  /** From here on `put` and `touch` mark keys as named by the new listing. */
  startListing(): void {
    this.#listing++;
  }

  /** Names a key in the listing without a new value. */
  touch(key: string): void {
    const slot = this.#slotOf(key);
    if (slot !== undefined) this.#rows.set(slot, listing, this.#listing);
  }

  /** Keys that the current listing has not named; they may be deleted meanwhile. */
  *unlisted(): Generator<string, void> {
    for (const slot of this.#slots()) {
      if (this.#rows.get(slot, listing) !== this.#listing) yield this.#table.keyAt(slot);
    }
  }

  *#slots(): Generator<number, void> {
    for (let slot = 0; this.#size > 0 && slot < this.#table.slots; slot++) {
      if (this.#rows.get(slot, listing) !== 0) yield slot;
    }
  }

  #slotOf(key: string): number | undefined {
    if (this.#size === 0) return undefined;
    const slot = this.#table.find(key);
    return slot < 0 || this.#rows.get(slot, listing) === 0 ? undefined : slot;
  }

  #hold(key: string): number {
    this.#size++;
    if (this.#table === unused) this.#table = new KeyTable();
    return this.#table.hold(key);
  }

  #isHash(slot: number): boolean {
    return this.#rows.get(slot, high) === scratch.high && this.#rows.get(slot, low) === scratch.low;
  }
}
