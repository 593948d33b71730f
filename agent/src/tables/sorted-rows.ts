import type { PrefixIndex } from './prefix-index.ts';

/** Rows a part, before it becomes two. */
const fullPart = 1_024;

/**
 * Rows of an index, sorted by address and then by length. They lie in parts, so that one that comes or goes moves
 * those of its part, however many there are. A row has its prefix in the index while it is here.
 */
export class SortedRows {
  readonly #index: Pick<PrefixIndex, 'copyAddress' | 'prefixLength'>;
  /** None is empty, but for the only one. */
  readonly #parts: number[][] = [[]];
  readonly #sought = new Uint8Array(16);
  readonly #seen = new Uint8Array(16);
  #soughtLength = 0;

  constructor(index: Pick<PrefixIndex, 'copyAddress' | 'prefixLength'>) {
    this.#index = index;
  }

  insert(row: number): void {
    this.#seek(row);
    const at = this.#partOfSought();
    const part = this.#parts[at] ?? [];
    part.splice(this.#placeIn(part), 0, row);
    if (part.length > fullPart) this.#parts.splice(at + 1, 0, part.splice(fullPart / 2));
  }

  delete(row: number): void {
    this.#seek(row);
    const at = this.#partOfSought();
    const part = this.#parts[at] ?? [];
    part.splice(this.#placeIn(part), 1);
    if (part.length === 0 && this.#parts.length > 1) this.#parts.splice(at, 1);
  }

  /** From the first prefix on that begins at the address or behind it. Not while any comes or goes. */
  *from(address: Uint8Array): Generator<number> {
    this.#sought.set(address);
    this.#soughtLength = 0;
    const first = this.#partOfSought();
    const place = this.#placeIn(this.#parts[first] ?? []);
    for (let at = first; at < this.#parts.length; at++) {
      const part = this.#parts[at] ?? [];
      for (let next = at === first ? place : 0; next < part.length; next++) yield part[next] ?? 0;
    }
  }

  #seek(row: number): void {
    this.#index.copyAddress(row, this.#sought);
    this.#soughtLength = this.#index.prefixLength(row);
  }

  /** The last part that begins before what is sought, or with it. */
  #partOfSought(): number {
    let [low, high] = [0, this.#parts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#isBehindSought(this.#parts[middle]?.[0] ?? 0)) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  /** Where in the part what is sought stands, or would. */
  #placeIn(part: readonly number[]): number {
    let [low, high] = [0, part.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(part[middle] ?? 0) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBehindSought(row: number): boolean {
    return this.#compare(row) > 0;
  }

  /** Of a row with what is sought. */
  #compare(row: number): number {
    this.#index.copyAddress(row, this.#seen);
    for (let at = 0; at < 16; at++) {
      const difference = (this.#seen[at] ?? 0) - (this.#sought[at] ?? 0);
      if (difference !== 0) return difference;
    }
    return this.#index.prefixLength(row) - this.#soughtLength;
  }
}
