import { isClusterIndependent, isNetworkIdentity } from '@clustermesh/wire';
import type { LabelArray } from '@clustermesh/wire';

import { Column } from './column.ts';
import { LabelPool } from './label-pool.ts';
import type { PackedLabels } from './label-pool.ts';

/** Made when it is asked for. */
export interface IdentityRow {
  readonly identity: number;
  readonly clusterId: number;
  readonly labels: LabelArray;
}

/** Identities with their labels, of all clusters: the validators keep each cluster inside its own range of numbers. */
export class IdentityTable {
  readonly #rows = new Map<number, number>();
  readonly #free: number[] = [];
  readonly #pool = new LabelPool();
  /** By row, as the columns below. */
  readonly #labels: PackedLabels[] = [];
  readonly #clusterIds = new Column(Uint16Array);
  readonly #settled = new Column(Uint8Array);

  get size(): number {
    return this.#rows.size;
  }

  upsert({ identity, clusterId, labels }: IdentityRow): void {
    const known = this.#rows.get(identity);
    const row = known ?? this.#free.pop() ?? this.#labels.length;
    // The new ones first: those that stay are kept all the while.
    const packed = this.#pool.pack(labels);
    if (known !== undefined) this.#pool.release(this.#labels[row] ?? '');
    this.#labels[row] = packed;
    this.#clusterIds.set(row, clusterId);
    if (known === undefined) this.#rows.set(identity, row);
  }

  /** Addresses keep their number: policy sees unknown labels for it, the datapath goes on (protocol.md §8.8). */
  remove(identity: number): void {
    const row = this.#rows.get(identity);
    if (row === undefined) return;
    this.#rows.delete(identity);
    this.#pool.release(this.#labels[row] ?? '');
    this.#labels[row] = '';
    this.#settled.set(row, 0);
    this.#free.push(row);
  }

  get(identity: number): IdentityRow | undefined {
    const row = this.#rows.get(identity);
    return row === undefined ? undefined : this.#row(identity, row);
  }

  /** What policies say of it is in the maps, too: addresses may have it (I2). */
  settle(identity: number): void {
    const row = this.#rows.get(identity);
    if (row !== undefined) this.#settled.set(row, 1);
  }

  /** Numbers below 256 mean the same everywhere, those of networks are our own: always known. */
  isSettled(identity: number): boolean {
    if (isClusterIndependent(identity) || isNetworkIdentity(identity)) return true;
    const row = this.#rows.get(identity);
    return row !== undefined && this.#settled.get(row) === 1;
  }

  *rows(): IterableIterator<IdentityRow> {
    for (const [identity, row] of this.#rows) yield this.#row(identity, row);
  }

  #row(identity: number, row: number): IdentityRow {
    const labels = this.#pool.labels(this.#labels[row] ?? '');
    return { identity, clusterId: this.#clusterIds.get(row), labels };
  }
}
