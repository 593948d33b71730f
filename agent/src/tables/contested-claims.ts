import type { IpcacheClaim } from './ipcache-claims.ts';
import { LostClaims } from './lost-claims.ts';

interface Contested {
  readonly claims: readonly IpcacheClaim[];
  readonly holderId: number;
}

/** Only the rare rows with a claim that lost: all their claims in order of arrival, and how many lost against whom. */
export class ContestedClaims {
  readonly #rows = new Map<number, Contested>();
  readonly #lost = new LostClaims();
  #cursor: Iterator<number> | undefined;
  #added = 0;

  get size(): number {
    return this.#rows.size;
  }

  /** So many rows have come so far, in the circle behind those that were there. */
  get added(): number {
    return this.#added;
  }

  /** How many claims lost, by loser and by who holds the address. */
  get lost(): Pick<LostClaims, 'counts'> {
    return this.#lost;
  }

  get(row: number): readonly IpcacheClaim[] | undefined {
    return this.#rows.get(row)?.claims;
  }

  set(row: number, claims: readonly IpcacheClaim[], holderId: number): void {
    this.#forgetLost(row);
    if (!this.#rows.has(row)) this.#added++;
    this.#rows.set(row, { claims, holderId });
    this.#lost.note(claims, holderId);
  }

  delete(row: number): void {
    this.#forgetLost(row);
    this.#rows.delete(row);
  }

  entries(): Iterable<readonly [row: number, contested: Contested]> {
    return this.#rows;
  }

  /** One row after the other, in a circle. */
  next(): number | undefined {
    const next = this.#cursor?.next();
    if (next?.done === false) return next.value;
    this.#cursor = this.#rows.keys();
    const first = this.#cursor.next();
    return first.done === true ? undefined : first.value;
  }

  #forgetLost(row: number): void {
    const before = this.#rows.get(row);
    if (before !== undefined) this.#lost.forget(before.claims, before.holderId);
  }
}
