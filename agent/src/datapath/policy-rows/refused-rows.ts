import { anybody } from '@clustermesh/policy';

import type { PolicyRow, PolicyRowKey } from '../../maps/policy.ts';

export interface KeyedRow extends PolicyRow {
  readonly key: PolicyRowKey;
}

/** Rows that the map has no room for. There may be very many of them: what is asked of them all the time is indexed. */
export class RefusedRows {
  readonly #rows = new Map<string, KeyedRow>();
  /** Denies, by whom they are about. */
  readonly #denies = new Map<string, Map<string, KeyedRow>>();

  get size(): number {
    return this.#rows.size;
  }

  get hasDenies(): boolean {
    return this.#denies.size > 0;
  }

  set(text: string, row: KeyedRow): void {
    this.delete(text);
    this.#rows.set(text, row);
    if (!row.deny) return;
    const holder = holderOf(row.key);
    const denies = this.#denies.get(holder) ?? new Map<string, KeyedRow>();
    this.#denies.set(holder, denies.set(text, row));
  }

  delete(text: string): void {
    const row = this.#rows.get(text);
    if (row === undefined) return;
    this.#rows.delete(text);
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
