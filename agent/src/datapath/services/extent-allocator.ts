/**
 * Extents of slots: a buddy allocator over powers of two, so that freed neighbours grow together again and a
 * predecessor's extents, known only by base and length, can be taken over by `reserve`.
 */
export class ExtentAllocator {
  readonly capacity: number;
  #used = 0;
  /** Per order, the bases of free blocks of 2^order slots. */
  readonly #free: readonly Set<number>[];

  constructor(capacity: number) {
    const orders = 32 - Math.clz32(capacity);
    this.#free = Array.from({ length: orders }, () => new Set<number>());
    this.capacity = capacity;
    let base = 0;
    for (let order = orders - 1; order >= 0; order--) {
      if ((capacity & (1 << order)) === 0) continue;
      this.#blocks(order).add(base);
      base += 1 << order;
    }
  }

  /** Slots in use, with the rounding to powers of two. */
  get used(): number {
    return this.#used;
  }

  /** The first slot of `length` ≥ 1 slots, or `undefined` when no block is large enough. */
  allocate(length: number): number | undefined {
    const order = orderOf(length);
    let from = order;
    while (from < this.#free.length && this.#blocks(from).size === 0) from++;
    const [base] = from < this.#free.length ? this.#blocks(from) : [];
    if (base === undefined) return undefined;
    this.#blocks(from).delete(base);
    this.#split(base, base, from, order);
    this.#used += 1 << order;
    return base;
  }

  /** Takes one given extent; false when a part of it is not free. */
  reserve(base: number, length: number): boolean {
    const order = orderOf(length);
    if (base % (1 << order) !== 0) return false;
    for (let from = order; from < this.#free.length; from++) {
      const block = base - (base % (1 << from));
      if (!this.#blocks(from).delete(block)) continue;
      this.#split(block, base, from, order);
      this.#used += 1 << order;
      return true;
    }
    return false;
  }

  release(base: number, length: number): void {
    let order = orderOf(length);
    let block = base;
    this.#used -= 1 << order;
    while (order + 1 < this.#free.length && this.#blocks(order).delete(block ^ (1 << order))) {
      block &= ~(1 << order);
      order++;
    }
    this.#blocks(order).add(block);
  }

  /** Cuts the block down to the one of `order` at `wanted`, freeing the other halves. */
  #split(block: number, wanted: number, from: number, order: number): void {
    let start = block;
    for (let half = from - 1; half >= order; half--) {
      const middle = start + (1 << half);
      this.#blocks(half).add(wanted < middle ? middle : start);
      if (wanted >= middle) start = middle;
    }
  }

  #blocks(order: number): Set<number> {
    return this.#free[order] ?? new Set();
  }
}

function orderOf(length: number): number {
  return length <= 1 ? 0 : 32 - Math.clz32(length - 1);
}
