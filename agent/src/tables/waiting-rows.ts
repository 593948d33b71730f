import { SparsePairs } from './column.ts';

/** In a link: no row. */
const end = 0;

/**
 * Rows that wait for their identity, a list of them for each, linked through two numbers a row: at the first sync that may
 * be all there are, and a moment later none.
 */
export class WaitingRows {
  readonly #firstByIdentity = new Map<number, number>();
  /** Next and previous row, each plus one. */
  readonly #links = new SparsePairs();
  /** Identities that rows wait for no more. */
  readonly #known = new Set<number>();

  /** Some rows wait no more; `take` gives them. */
  get hasKnown(): boolean {
    return this.#known.size > 0;
  }

  add(row: number, identity: number): void {
    const first = this.#firstByIdentity.get(identity);
    this.#links.add(row, first === undefined ? end : first + 1, end);
    if (first !== undefined) this.#links.setSecond(first, row + 1);
    this.#firstByIdentity.set(identity, row);
  }

  remove(row: number, identity: number): void {
    const next = this.#links.first(row);
    const previous = this.#links.second(row);
    if (next !== end) this.#links.setSecond(next - 1, previous);
    if (previous !== end) this.#links.setFirst(previous - 1, next);
    else if (next !== end) this.#firstByIdentity.set(identity, next - 1);
    else {
      this.#firstByIdentity.delete(identity);
      this.#known.delete(identity);
    }
    this.#links.delete(row);
  }

  identityKnown(identity: number): void {
    if (this.#firstByIdentity.has(identity)) this.#known.add(identity);
  }

  /** It is gone before all of its rows were taken: the others go on waiting. */
  identityUnknown(identity: number): void {
    this.#known.delete(identity);
  }

  /** Up to `limit` rows that wait no more: an identity may have a million. */
  take(limit: number, isKnown: (identity: number) => boolean): readonly number[] {
    const taken: number[] = [];
    for (const identity of this.#known) {
      if (!isKnown(identity)) {
        this.identityUnknown(identity);
        continue;
      }
      for (
        let row = this.#firstByIdentity.get(identity);
        row !== undefined;
        row = this.#firstByIdentity.get(identity)
      ) {
        if (taken.length === limit) return taken;
        this.remove(row, identity);
        taken.push(row);
      }
    }
    return taken;
  }
}
