import { anybody } from '@clustermesh/policy';

import type { PolicyRow, PolicyRowKey } from '../../maps/policy.ts';
import type { RowShares } from './row-shares.ts';

export interface KeyedRow extends PolicyRow {
  readonly key: PolicyRowKey;
}

/** Rows that the map has no room for. There may be very many of them: what is asked of them all the time is indexed. */
export class RefusedRows {
  readonly #rows = new Map<string, KeyedRow>();
  readonly #shares: RowShares;
  #hasForgotten = false;
  /** Denies, by whom they are about. */
  readonly #denies = new Map<string, Map<string, KeyedRow>>();

  constructor(shares: RowShares) {
    this.#shares = shares;
  }

  /** There were more than are kept here. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  get size(): number {
    return this.#rows.size;
  }

  get hasDenies(): boolean {
    return this.#denies.size > 0;
  }

  /** Those of one remote cluster are as many as rows that it may have at most; allows beyond that are forgotten (I1). */
  set(text: string, row: KeyedRow): void {
    this.delete(text);
    if (!row.deny && !this.#shares.hasRoom(row.key.remote)) {
      this.#hasForgotten = true;
      return;
    }
    this.#rows.set(text, row);
    this.#shares.count(row.key.remote, 1);
    if (!row.deny) return;
    const holder = holderOf(row.key);
    const denies = this.#denies.get(holder) ?? new Map<string, KeyedRow>();
    this.#denies.set(holder, denies.set(text, row));
  }

  delete(text: string): void {
    const row = this.#rows.get(text);
    if (row === undefined) return;
    this.#rows.delete(text);
    this.#shares.count(row.key.remote, -1);
    const denies = this.#denies.get(holderOf(row.key));
    if (denies?.delete(text) === true && denies.size === 0) this.#denies.delete(holderOf(row.key));
  }

  /** Denies first. */
  *inOrder(): Generator<KeyedRow> {
    yield* [...this.denies()];
    yield* [...this.#rows.values()].filter(({ deny }) => !deny);
  }

  *denies(): Generator<KeyedRow> {
    for (const denies of this.#denies.values()) yield* denies.values();
  }

  /** Is there a deny of which this row would decide some packets in its stead? */
  hasDenyInside(row: PolicyRowKey): boolean {
    const holders = [...new Set([row.remote, anybody])].map((remote) => holderOf({ ...row, remote }));
    const maps =
      row.remote === anybody ? [...this.#denies.values()] : holders.map((holder) => this.#denies.get(holder));
    return maps.some((denies) => [...(denies?.values() ?? [])].some(({ key }) => isAround(row, key)));
  }
}

function holderOf({ subject, direction, remote }: PolicyRowKey): string {
  return `${subject} ${direction} ${remote}`;
}

const keyBits = 24;

export function masked(bits: number, length: number): number {
  return length === 0 ? 0 : bits & (0xff_ffff << (keyBits - length)) & 0xff_ffff;
}

/** Are there packets that both rows say something of, `outer` of all that `inner` does? */
export function isAround(outer: PolicyRowKey, inner: PolicyRowKey): boolean {
  return (
    outer.subject === inner.subject &&
    outer.direction === inner.direction &&
    (outer.remote === inner.remote || outer.remote === anybody || inner.remote === anybody) &&
    outer.length <= inner.length &&
    masked(inner.bits, outer.length) === outer.bits
  );
}
