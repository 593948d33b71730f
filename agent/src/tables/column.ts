/** Rows a chunk: small enough to be had in no time, large enough that the objects around it do not count. */
const chunkBits = 12;
export const chunkRows = 1 << chunkBits;

export function chunkOf(row: number): number {
  return row >>> chunkBits;
}

export function withinChunk(row: number): number {
  return row & (chunkRows - 1);
}

type Numbers = Uint8Array | Uint16Array | Uint32Array;

/**
 * One number of each row, in chunks: growing copies nothing, and takes the room of one chunk. What was never written is 0.
 */
export class Column {
  readonly #chunks: (Numbers | undefined)[] = [];
  readonly #make: (length: number) => Numbers;

  constructor(kind: new (length: number) => Numbers) {
    this.#make = (length) => new kind(length);
  }

  get(row: number): number {
    return this.#chunks[chunkOf(row)]?.[withinChunk(row)] ?? 0;
  }

  set(row: number, value: number): void {
    const chunk = (this.#chunks[chunkOf(row)] ??= this.#make(chunkRows));
    chunk[withinChunk(row)] = value;
  }
}

/**
 * Two numbers of few rows: only chunks that hold any take room. For what most rows lack, and what now and then many
 * have for a moment.
 */
export class SparsePairs {
  readonly #chunks: (Uint32Array | undefined)[] = [];
  readonly #used: number[] = [];

  /** For a row that has none yet. */
  add(row: number, first: number, second: number): void {
    const at = chunkOf(row);
    this.#chunks[at] ??= new Uint32Array(chunkRows * 2);
    this.#used[at] = (this.#used[at] ?? 0) + 1;
    this.setFirst(row, first);
    this.setSecond(row, second);
  }

  /** Of a row that has some. */
  delete(row: number): void {
    const at = chunkOf(row);
    this.#used[at] = (this.#used[at] ?? 1) - 1;
    if (this.#used[at] === 0) this.#chunks[at] = undefined;
  }

  first(row: number): number {
    return this.#chunks[chunkOf(row)]?.[withinChunk(row) * 2] ?? 0;
  }

  second(row: number): number {
    return this.#chunks[chunkOf(row)]?.[withinChunk(row) * 2 + 1] ?? 0;
  }

  setFirst(row: number, value: number): void {
    const chunk = this.#chunks[chunkOf(row)];
    if (chunk !== undefined) chunk[withinChunk(row) * 2] = value;
  }

  setSecond(row: number, value: number): void {
    const chunk = this.#chunks[chunkOf(row)];
    if (chunk !== undefined) chunk[withinChunk(row) * 2 + 1] = value;
  }
}
