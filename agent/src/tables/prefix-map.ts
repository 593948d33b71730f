import type { Random } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import { PrefixIndex, hostPrefix } from './prefix-index.ts';

/** Values by address prefix, asked for by the longest one around an address, or by overlap. Looking up allocates nothing. */
export class PrefixMap<T> {
  readonly #index: PrefixIndex;
  readonly #values: (T | undefined)[] = [];
  readonly #countByLength = new Map<number, number>();
  /** Prefix lengths in use, the longest first. */
  #lengths: readonly number[] = [];
  /** Starts of the prefixes with their lengths as texts, sorted: what lies inside another prefix stands together. */
  readonly #sorted: string[] = [];
  readonly #scratch = new Uint8Array(16);

  constructor(random: Random) {
    this.#index = new PrefixIndex(random);
  }

  get size(): number {
    return this.#index.size;
  }

  set(prefix: Prefix, value: T): void {
    const before = this.#index.size;
    this.#values[this.#index.insert(prefix.address, prefix.bits)] = value;
    if (this.#index.size === before) return;
    this.#countLength(prefix.bits, 1);
    const text = sortText(prefix);
    this.#sorted.splice(this.#firstFrom(text), 0, text);
  }

  delete(prefix: Prefix): void {
    const row = this.#index.find(prefix.address, prefix.bits);
    if (row < 0) return;
    this.#values[row] = undefined;
    this.#index.remove(row);
    this.#countLength(prefix.bits, -1);
    this.#sorted.splice(this.#firstFrom(sortText(prefix)), 1);
  }

  /** Of the longest prefix that contains this one. */
  longest(address: Uint8Array, bits = hostPrefix): T | undefined {
    for (const length of this.#lengths) {
      if (length > bits) continue;
      const row = this.#index.find(this.#masked(address, length), length);
      if (row >= 0) return this.#values[row];
    }
    return undefined;
  }

  /** Of every prefix that contains this one, is it, or lies in it. */
  *overlapping(prefix: Prefix): Generator<T> {
    for (const length of this.#lengths) {
      const row = length > prefix.bits ? -1 : this.#index.find(this.#masked(prefix.address, length), length);
      const value = row < 0 ? undefined : this.#values[row];
      if (value !== undefined) yield value;
    }
    for (let at = this.#firstFrom(keyText(prefix.address)); at < this.#sorted.length; at++) {
      const inside = parseSortText(this.#sorted[at] ?? '');
      const start = this.#masked(inside.address, prefix.bits);
      if (Buffer.compare(start, prefix.address) !== 0) return;
      if (inside.bits <= prefix.bits) continue;
      const value = this.#values[this.#index.find(inside.address, inside.bits)];
      if (value !== undefined) yield value;
    }
  }

  #countLength(bits: number, change: number): void {
    const count = (this.#countByLength.get(bits) ?? 0) + change;
    if (count === 0) this.#countByLength.delete(bits);
    else this.#countByLength.set(bits, count);
    if (this.#countByLength.size !== this.#lengths.length) {
      this.#lengths = [...this.#countByLength.keys()].sort((a, b) => b - a);
    }
  }

  #firstFrom(text: string): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? '') < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #masked(address: Uint8Array, bits: number): Uint8Array {
    const whole = bits >> 3;
    for (let at = 0; at < 16; at++) this.#scratch[at] = at < whole ? (address[at] ?? 0) : 0;
    if (whole < 16) this.#scratch[whole] = (address[whole] ?? 0) & ~(0xff >> (bits & 7));
    return this.#scratch;
  }
}

function sortText({ address, bits }: Prefix): string {
  return keyText(address) + String.fromCharCode(bits);
}

function parseSortText(text: string): Prefix {
  return { address: Buffer.from(text.slice(0, 16), 'latin1'), bits: text.charCodeAt(16) };
}
