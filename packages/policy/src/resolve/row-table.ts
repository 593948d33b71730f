import { enclosing, regionKey } from './region.ts';
import type { Region } from './region.ts';
import type { Row } from './row.ts';

/** Rows by region: one look-up costs as many probes as there are lengths, however many rows. */
export class RowTable {
  readonly #byRegion = new Map<number, Row>();
  /** Longest first; a length stays when its last row goes. */
  #lengths: readonly number[] = [];
  /** In the order of their first bits: what lies inside a region is one run of them. */
  #sorted: readonly Row[] | undefined;

  constructor(rows: Iterable<Row>) {
    for (const row of rows) this.add(row);
  }

  get rows(): readonly Row[] {
    return [...this.#byRegion.values()];
  }

  add(row: Row): void {
    const { length } = row.region;
    this.#byRegion.set(regionKey(row.region), row);
    this.#sorted = undefined;
    if (!this.#lengths.includes(length)) this.#lengths = [...this.#lengths, length].sort((a, b) => b - a);
  }

  delete(region: Region): void {
    this.#byRegion.delete(regionKey(region));
    this.#sorted = undefined;
  }

  /** The longest row that contains the region. */
  longest(at: Region): Row | undefined {
    for (const length of this.#lengths) {
      const row = length > at.length ? undefined : this.#byRegion.get(regionKey(enclosing(at, length)));
      if (row !== undefined) return row;
    }
    return undefined;
  }

  /** Every row whose region lies in this one. */
  *inside(outer: Region): Generator<Row> {
    this.#sorted ??= [...this.#byRegion.values()].sort((left, right) => left.region.bits - right.region.bits);
    for (let at = firstAtLeast(this.#sorted, outer.bits); at < this.#sorted.length; at++) {
      const row = this.#sorted[at];
      if (row === undefined || enclosing(row.region, outer.length).bits !== outer.bits) return;
      // Regions around the asked one may begin where it does.
      if (row.region.length >= outer.length) yield row;
    }
  }
}

/** The first index whose row begins at these bits or behind. */
function firstAtLeast(rows: readonly Row[], bits: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.region.bits ?? bits) < bits) low = middle + 1;
    else high = middle;
  }
  return low;
}
