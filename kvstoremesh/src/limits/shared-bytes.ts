/** One remote's part of what all have together. */
export interface Share {
  readonly used: number;
  /** Would so much more still be there for this one? */
  fits(growth: number): boolean;
  add(bytes: number): void;
  /** Gives everything back. */
  leave(): void;
}

/**
 * A size that many share. One half is dealt out evenly, so that everyone has a part that no other can take; the other
 * half goes to those who need more, first come, first served. What is used is never more than the whole.
 */
export class SharedBytes {
  readonly #used = new Map<Share, number>();
  #total: number;
  /** What is used above the guaranteed parts. */
  #pooled = 0;

  constructor(total: number) {
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  get used(): number {
    return [...this.#used.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  setTotal(total: number): void {
    this.#total = total;
    this.#recount();
  }

  join(): Share {
    const usedBy = (): number => this.#used.get(share) ?? 0;
    const share: Share = {
      get used() {
        return usedBy();
      },
      fits: (growth) => {
        const more = this.#above(usedBy() + growth) - this.#above(usedBy());
        return more <= 0 || this.#pooled + more <= this.#total / 2;
      },
      add: (bytes) => {
        const before = usedBy();
        this.#used.set(share, before + bytes);
        this.#pooled += this.#above(before + bytes) - this.#above(before);
      },
      leave: () => {
        this.#used.delete(share);
        this.#recount();
      },
    };
    this.#used.set(share, 0);
    this.#recount();
    return share;
  }

  /** The guaranteed part depends on how many there are. */
  #recount(): void {
    this.#pooled = [...this.#used.values()].reduce((sum, bytes) => sum + this.#above(bytes), 0);
  }

  #above(bytes: number): number {
    return Math.max(0, bytes - this.#total / 2 / Math.max(1, this.#used.size));
  }
}
