import { isClusterIndependent, isNetworkIdentity } from '@clustermesh/wire';
import type { LabelArray } from '@clustermesh/wire';

export interface IdentityRow {
  readonly identity: number;
  readonly clusterId: number;
  readonly labels: LabelArray;
}

/** Identities with their labels, of all clusters: the validators keep each cluster inside its own range of numbers. */
export class IdentityTable {
  readonly #rows = new Map<number, IdentityRow>();
  readonly #settled = new Set<number>();

  get size(): number {
    return this.#rows.size;
  }

  upsert(row: IdentityRow): void {
    this.#rows.set(row.identity, row);
  }

  /** Addresses keep their number: policy sees unknown labels for it, the datapath goes on (protocol.md §8.8). */
  remove(identity: number): void {
    this.#rows.delete(identity);
    this.#settled.delete(identity);
  }

  get(identity: number): IdentityRow | undefined {
    return this.#rows.get(identity);
  }

  /** What policies say of it is in the maps, too: addresses may have it (I2). */
  settle(identity: number): void {
    if (this.#rows.has(identity)) this.#settled.add(identity);
  }

  /** Numbers below 256 mean the same everywhere, those of networks are our own: always known. */
  isSettled(identity: number): boolean {
    return isClusterIndependent(identity) || isNetworkIdentity(identity) || this.#settled.has(identity);
  }

  rows(): IterableIterator<IdentityRow> {
    return this.#rows.values();
  }
}
