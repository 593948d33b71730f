import type { Random } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';

import { PrefixIndex, hostPrefix } from './prefix-index.ts';
import { SortedRows } from './sorted-rows.ts';

export interface PrefixEntry<T> {
  readonly prefix: Prefix;
  readonly value: T;
}

/** Values by address prefix, asked for by the longest one around an address, or by overlap. Looking up allocates nothing. */
export class PrefixMap<T> {
  readonly #index: PrefixIndex;
  /** By row of the index. */
  readonly #values: (T | undefined)[] = [];
  readonly #countByLength = new Map<number, number>();
  /** Prefix lengths in use, the longest first. */
  #lengths: readonly number[] = [];
  /** By start, then by length: what lies inside another prefix stands together. */
  readonly #sorted: SortedRows;
  readonly #scratch = new Uint8Array(16);

  constructor(random: Random) {
    this.#index = new PrefixIndex(random);
    this.#sorted = new SortedRows(this.#index);
  }

  get size(): number {
    return this.#index.size;
  }

  /** Of exactly this prefix. */
  get({ address, bits }: Prefix): T | undefined {
    const row = this.#index.find(address, bits);
    return row < 0 ? undefined : this.#values[row];
  }

  set(prefix: Prefix, value: T): void {
    const before = this.#index.size;
    const row = this.#index.insert(prefix.address, prefix.bits);
    this.#values[row] = value;
    if (this.#index.size === before) return;
    this.#countLength(prefix.bits, 1);
    this.#sorted.insert(row);
  }

  delete(prefix: Prefix): void {
    const row = this.#index.find(prefix.address, prefix.bits);
    if (row < 0) return;
    this.#sorted.delete(row);
    this.#values[row] = undefined;
    this.#index.remove(row);
    this.#countLength(prefix.bits, -1);
  }

  /** Of the longest prefix that contains this one. */
  longest(address: Uint8Array, bits = hostPrefix): T | undefined {
    const row = this.#rowAround(address, bits);
    return row < 0 ? undefined : this.#values[row];
  }

  /** The longest prefix that contains this one. */
  around({ address, bits }: Prefix): PrefixEntry<T> | undefined {
    const row = this.#rowAround(address, bits);
    return row < 0 ? undefined : this.#entry(row);
  }

  /** Every prefix that contains this one, is it, or lies in it. Not while any comes or goes. */
  *overlapping(prefix: Prefix): Generator<PrefixEntry<T>> {
    for (const length of this.#lengths) {
      const row = length > prefix.bits ? -1 : this.#index.find(this.#masked(prefix.address, length), length);
      const entry = row < 0 ? undefined : this.#entry(row);
      if (entry !== undefined) yield entry;
    }
    for (const row of this.#sorted.from(prefix.address)) {
      this.#index.copyAddress(row, this.#scratch);
      if (Buffer.compare(this.#masked(this.#scratch, prefix.bits), prefix.address) !== 0) return;
      if (this.#index.prefixLength(row) <= prefix.bits) continue;
      const entry = this.#entry(row);
      if (entry !== undefined) yield entry;
    }
  }

  #rowAround(address: Uint8Array, bits: number): number {
    for (const length of this.#lengths) {
      if (length > bits) continue;
      const row = this.#index.find(this.#masked(address, length), length);
      if (row >= 0) return row;
    }
    return -1;
  }

  #entry(row: number): PrefixEntry<T> | undefined {
    const value = this.#values[row];
    if (value === undefined) return undefined;
    return { prefix: { address: this.#index.address(row), bits: this.#index.prefixLength(row) }, value };
  }

  #countLength(bits: number, change: number): void {
    const count = (this.#countByLength.get(bits) ?? 0) + change;
    if (count === 0) this.#countByLength.delete(bits);
    else this.#countByLength.set(bits, count);
    if (this.#countByLength.size !== this.#lengths.length) {
      this.#lengths = [...this.#countByLength.keys()].sort((a, b) => b - a);
    }
  }

  /** May be given its own result. */
  #masked(address: Uint8Array, bits: number): Uint8Array {
    const whole = bits >> 3;
    for (let at = 0; at < 16; at++)
      this.#scratch[at] =
        at < whole ? (address[at] ?? 0) : at === whole ? (address[at] ?? 0) & ~(0xff >> (bits & 7)) : 0;
    return this.#scratch;
  }
}
