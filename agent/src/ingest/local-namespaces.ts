import { ListWatch, namespaces } from '@clustermesh/kube';
import type { Namespace } from '@clustermesh/kube';

import type { NamespaceTable } from '../tables/namespace-table.ts';
import type { KubeIngestDeps } from './local-services.ts';

export interface LocalNamespacesDeps extends KubeIngestDeps {
  readonly table: NamespaceTable;
  /** Its labels, or whether this namespace takes part in the mesh, have changed. */
  readonly onChange: (namespace: string) => void;
  /** All namespaces are in the table. */
  readonly onSynced: () => void;
}

/** The namespaces of this cluster: which of them take part in the mesh. */
export class LocalNamespaces {
  readonly #deps: LocalNamespacesDeps;
  readonly #namespaces: ListWatch<Namespace>;

  constructor(deps: LocalNamespacesDeps) {
    this.#deps = deps;
    this.#namespaces = new ListWatch(
      deps.kube,
      namespaces,
      {},
      { ...deps, health: deps.health.scope('kube/namespaces') },
    );
  }

  get isSynced(): boolean {
    return this.#namespaces.isSynced;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { table, onChange, onSynced } = this.#deps;
    const observer = {
      upserted: (namespace: Namespace) => {
        if (table.upsert(namespace)) onChange(namespace.metadata.name);
      },
      deleted: (namespace: Namespace) => {
        if (table.remove(namespace)) onChange(namespace.metadata.name);
      },
      synced: onSynced,
    };
    await this.#namespaces.run(observer, signal);
  }
}
