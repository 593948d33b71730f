import type { ContestedClaims } from './contested-claims.ts';

/**
 * Rows whose winner is to be found again because whose addresses are whose has changed. Ranges of others decide between
 * several claims only; ours keep every other cluster out. Both go in circles: a change in the middle adds a circle.
 */
export class RowsToReconsider {
  readonly #contested: Pick<ContestedClaims, 'size' | 'added' | 'next'>;
  #capacity = 0;
  #row = 0;
  #left = 0;
  #contestedLeft = 0;
  /** When they were counted last. */
  #contestedAdded = 0;

  constructor(contested: Pick<ContestedClaims, 'size' | 'added' | 'next'>) {
    this.#contested = contested;
  }

  get isEmpty(): boolean {
    return this.#left === 0 && this.#contestedLeft === 0;
  }

  /** All below `capacity`. */
  addAll(capacity: number): void {
    this.#capacity = capacity;
    this.#left = capacity;
  }

  addContested(): void {
    this.#contestedLeft = this.#contested.size;
    this.#contestedAdded = this.#contested.added;
  }

  /** `undefined`: no more. */
  next(): number | undefined {
    if (this.#left > 0) {
      this.#left--;
      this.#row = (this.#row + 1) % this.#capacity;
      return this.#row;
    }
    if (this.#contestedLeft === 0) return undefined;
    // New ones may stand between here and those that are still to come.
    this.#contestedLeft += this.#contested.added - this.#contestedAdded - 1;
    this.#contestedAdded = this.#contested.added;
    const row = this.#contested.next();
    if (row === undefined) this.#contestedLeft = 0;
    return row;
  }
}
