/** The remote cluster that an identity is of; 0: none, or our own. */
export type RemoteClusterOf = (identity: number) => number;

/** How many rows are about identities of each remote cluster: half of the map at most, so that none takes all (I1). */
export class RowShares {
  readonly #share: number;
  readonly #clusterOf: RemoteClusterOf;
  readonly #counts = new Map<number, number>();

  constructor(capacity: number, clusterOf: RemoteClusterOf) {
    this.#share = Math.floor(capacity / 2);
    this.#clusterOf = clusterOf;
  }

  hasRoom(identity: number): boolean {
    const cluster = this.#clusterOf(identity);
    return cluster === 0 || (this.#counts.get(cluster) ?? 0) < this.#share;
  }

  count(identity: number, change: 1 | -1): void {
    const cluster = this.#clusterOf(identity);
    if (cluster === 0) return;
    const count = (this.#counts.get(cluster) ?? 0) + change;
    if (count === 0) this.#counts.delete(cluster);
    else this.#counts.set(cluster, count);
  }
}
