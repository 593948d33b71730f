const chunkBits = 10;
const chunkRows = 1 << chunkBits;
const firstRows = 16;

/**
 * Rows of a few 32-bit numbers, zero until they are set. Growing adds a chunk and copies nothing but a small first one: no
 * peak of twice the memory, and no pause.
 */
export class WordRows {
  readonly #width: number;
  #chunks: (Uint32Array | undefined)[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  get(row: number, word: number): number {
    return this.#chunks[row >>> chunkBits]?.[(row & (chunkRows - 1)) * this.#width + word] ?? 0;
  }

  set(row: number, word: number, value: number): void {
    const at = (row & (chunkRows - 1)) * this.#width + word;
    let chunk = this.#chunks[row >>> chunkBits];
    if (chunk === undefined || at >= chunk.length) chunk = this.#grow(row);
    chunk[at] = value;
  }

  /** All rows are zero: gives back what many of them took. */
  zeroed(): void {
    if (this.#chunks.length > 1) this.#chunks = [];
  }

  #grow(row: number): Uint32Array {
    const index = row >>> chunkBits;
    const chunk = this.#chunks[index];
    let rows = chunkRows;
    if (index === 0) for (rows = firstRows; rows <= row; rows *= 2);
    const wider = new Uint32Array(rows * this.#width);
    if (chunk !== undefined) wider.set(chunk);
    this.#chunks[index] = wider;
    return wider;
  }
}
