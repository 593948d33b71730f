/** Which remote cluster has which id; the first to come keeps it (protocol.md §5.4). */
export class ClusterIds {
  readonly #localId: number;
  readonly #clusterById = new Map<number, string>();

  constructor(localId: number) {
    this.#localId = localId;
  }

  /** Gives `cluster` this id instead of the one it had; the reason when it cannot have it. */
  reserve(id: number, cluster: string): string | undefined {
    if (id === this.#localId) return `clusterID ${id} is assigned to the local cluster`;
    const owner = this.#clusterById.get(id);
    if (owner !== undefined && owner !== cluster) return `clusterID ${id} is already used by ${owner}`;
    this.release(cluster);
    this.#clusterById.set(id, cluster);
    return undefined;
  }

  release(cluster: string): void {
    for (const [id, owner] of this.#clusterById) if (owner === cluster) this.#clusterById.delete(id);
  }
}
