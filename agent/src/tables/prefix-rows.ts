import { chunkOf, chunkRows, withinChunk } from './column.ts';

/** Words of a key: four of the address, one for the prefix length. */
export const keyWords = 5;
/** An IPv4 address needs one. */
const narrowWords = 1;
const addressBits = 128;
const mappedIpv4 = 0xffff;

const state = { unused: 0, live: 1 } as const;
const none = 0xffff_ffff;

interface Chunk {
  /** Of an unused row the first word is the next unused one. */
  readonly keys: Uint32Array;
  readonly states: Uint8Array;
  readonly isNarrow: boolean;
}

/**
 * The keys of rows. Chunks hold either addresses of IPv4 alone, in four bytes each, or anything; an unused row is the next
 * one of its sort.
 */
export class PrefixRows {
  readonly #chunks: Chunk[] = [];
  /** First unused row of either sort. */
  #unusedNarrow = none;
  #unusedWide = none;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get capacity(): number {
    return this.#chunks.length * chunkRows;
  }

  has(row: number): boolean {
    return this.#chunks[chunkOf(row)]?.states[withinChunk(row)] === state.live;
  }

  /** A new row with this key. */
  add(key: Uint32Array): number {
    const row = this.#takeUnused(isNarrowKey(key));
    const at = withinChunk(row);
    const chunk = this.#chunks[chunkOf(row)];
    if (chunk?.isNarrow === true) chunk.keys[at] = key[3] ?? 0;
    else chunk?.keys.set(key, at * keyWords);
    if (chunk !== undefined) chunk.states[at] = state.live;
    this.#size++;
    return row;
  }

  /** Of a live row. */
  remove(row: number): void {
    const chunk = this.#chunks[chunkOf(row)];
    if (chunk === undefined) return;
    chunk.states[withinChunk(row)] = state.unused;
    this.#addUnused(chunk, row);
    this.#size--;
  }

  isKey(row: number, key: Uint32Array): boolean {
    const chunk = this.#chunks[chunkOf(row)];
    if (chunk === undefined) return false;
    const at = withinChunk(row);
    if (chunk.isNarrow) return chunk.keys[at] === key[3] && isNarrowKey(key);
    for (let word = 0; word < keyWords; word++) if (chunk.keys[at * keyWords + word] !== key[word]) return false;
    return true;
  }

  copyKey(row: number, into: Uint32Array): void {
    for (let word = 0; word < 4; word++) into[word] = this.#word(row, word);
    into[4] = this.prefixLength(row);
  }

  copyAddress(row: number, target: Uint8Array, offset: number): void {
    for (let word = 0, at = offset; word < 4; word++, at += 4) {
      const value = this.#word(row, word);
      target[at] = value >>> 24;
      target[at + 1] = value >>> 16;
      target[at + 2] = value >>> 8;
      target[at + 3] = value;
    }
  }

  prefixLength(row: number): number {
    const chunk = this.#chunks[chunkOf(row)];
    if (chunk?.isNarrow === true) return addressBits;
    return chunk?.keys[withinChunk(row) * keyWords + 4] ?? 0;
  }

  *all(): IterableIterator<number> {
    for (let row = 0; row < this.capacity; row++) if (this.has(row)) yield row;
  }

  #word(row: number, word: number): number {
    const chunk = this.#chunks[chunkOf(row)];
    const at = withinChunk(row);
    if (chunk?.isNarrow !== true) return chunk?.keys[at * keyWords + word] ?? 0;
    if (word === 3) return chunk.keys[at] ?? 0;
    return word === 2 ? mappedIpv4 : 0;
  }

  #takeUnused(narrow: boolean): number {
    if ((narrow ? this.#unusedNarrow : this.#unusedWide) === none) this.#addChunk(narrow);
    const row = narrow ? this.#unusedNarrow : this.#unusedWide;
    const next = this.#chunks[chunkOf(row)]?.keys[withinChunk(row) * (narrow ? narrowWords : keyWords)] ?? none;
    if (narrow) this.#unusedNarrow = next;
    else this.#unusedWide = next;
    return row;
  }

  #addUnused(chunk: Chunk, row: number): void {
    const at = withinChunk(row) * (chunk.isNarrow ? narrowWords : keyWords);
    chunk.keys[at] = chunk.isNarrow ? this.#unusedNarrow : this.#unusedWide;
    if (chunk.isNarrow) this.#unusedNarrow = row;
    else this.#unusedWide = row;
  }

  /** Its rows are unused, the lowest first. */
  #addChunk(narrow: boolean): void {
    const first = this.capacity;
    const keys = new Uint32Array(chunkRows * (narrow ? narrowWords : keyWords));
    const chunk = { keys, states: new Uint8Array(chunkRows), isNarrow: narrow };
    this.#chunks.push(chunk);
    for (let row = first + chunkRows - 1; row >= first; row--) this.#addUnused(chunk, row);
  }
}

/** Of a single address of IPv4. */
export function isNarrowKey(key: Uint32Array): boolean {
  return key[4] === addressBits && key[0] === 0 && key[1] === 0 && key[2] === mappedIpv4;
}
