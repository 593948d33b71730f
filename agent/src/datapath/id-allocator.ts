/**
 * Numbers from 1 to capacity - 1; 0 means "none" in every map. A bitmap with a moving cursor: numbers
 * freed behind it come last, and what a predecessor left in the maps is taken over by `reserve`.
 */
export class IdAllocator {
  readonly capacity: number;
  #used: number;
  readonly #words: Uint32Array;
  #cursor = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#words = new Uint32Array(Math.ceil(capacity / 32));
    const beyond = capacity % 32;
    if (beyond !== 0) this.#words[this.#words.length - 1] = (~0 << beyond) >>> 0;
    this.#words[0] = ((this.#words[0] ?? 0) | 1) >>> 0;
    this.#used = 0;
  }

  get used(): number {
    return this.#used;
  }

  /** `undefined` when all are taken. */
  allocate(): number | undefined {
    for (let turn = 0; turn <= this.#words.length; turn++) {
      const index = (this.#cursor + turn) % this.#words.length;
      const word = this.#words[index] ?? 0;
      if (word === 0xffff_ffff) continue;
      const bit = 31 - Math.clz32(~word & -~word);
      this.#words[index] = (word | (1 << bit)) >>> 0;
      this.#cursor = index;
      this.#used++;
      return index * 32 + bit;
    }
    return undefined;
  }

  /** False when the number is out of range or taken. */
  reserve(id: number): boolean {
    if (id < 1 || id >= this.capacity || this.#isUsed(id)) return false;
    this.#words[id >>> 5] = ((this.#words[id >>> 5] ?? 0) | (1 << (id & 31))) >>> 0;
    this.#used++;
    return true;
  }

  release(id: number): void {
    if (id < 1 || id >= this.capacity || !this.#isUsed(id)) return;
    this.#words[id >>> 5] = ((this.#words[id >>> 5] ?? 0) & ~(1 << (id & 31))) >>> 0;
    this.#used--;
  }

  #isUsed(id: number): boolean {
    return ((this.#words[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0;
  }
}
