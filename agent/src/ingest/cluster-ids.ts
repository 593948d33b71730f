import type { ClusterId, ClusterName } from '@clustermesh/wire';

/** Which cluster has which id: first come, first served (protocol.md §5.4). Also the names for numbers in tables. */
export class ClusterIds {
  readonly #local: { readonly name: ClusterName; readonly id: ClusterId };
  readonly #names = new Map<number, ClusterName>();

  constructor(local: { readonly name: ClusterName; readonly id: ClusterId }) {
    this.#local = local;
    this.#names.set(local.id, local.name);
  }

  /** The reason why this cluster cannot have the id, if any. */
  reserve(name: ClusterName, id: ClusterId): string | undefined {
    if (id === this.#local.id) return `cluster id ${id} is that of the local cluster`;
    const holder = this.#names.get(id);
    if (holder !== undefined && holder !== name) return `cluster id ${id} is already used by cluster ${holder}`;
    this.#names.set(id, name);
    return undefined;
  }

  release(name: ClusterName, id: ClusterId): void {
    if (this.#names.get(id) === name && name !== this.#local.name) this.#names.delete(id);
  }

  /** '' for an id that nobody holds. */
  nameOf(id: number): ClusterName | '' {
    return this.#names.get(id) ?? '';
  }

  has(id: number): boolean {
    return this.#names.has(id);
  }
}
