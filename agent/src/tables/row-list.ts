const chunkRows = 4_096;

/** Row numbers, in chunks: adding a million copies none of them. What was added last is taken first. */
export class RowList {
  readonly #full: Uint32Array<ArrayBuffer>[] = [];
  #last = new Uint32Array(16);
  #inLast = 0;

  get length(): number {
    return this.#full.length * chunkRows + this.#inLast;
  }

  push(row: number): void {
    if (this.#inLast === this.#last.length) this.#makeRoom();
    this.#last[this.#inLast++] = row;
  }

  /** Up to `limit` of them, which are not in the list any more. */
  take(limit: number): readonly number[] {
    const taken: number[] = [];
    while (taken.length < limit && this.length > 0) {
      if (this.#inLast === 0) {
        this.#last = this.#full.pop() ?? this.#last;
        this.#inLast = this.#last.length;
      }
      taken.push(this.#last[--this.#inLast] ?? 0);
    }
    return taken;
  }

  /** Short lists stay small. */
  #makeRoom(): void {
    if (this.#last.length < chunkRows) {
      const wider = new Uint32Array(this.#last.length * 4);
      wider.set(this.#last);
      this.#last = wider;
      return;
    }
    this.#full.push(this.#last);
    this.#last = new Uint32Array(chunkRows);
    this.#inLast = 0;
  }
}
