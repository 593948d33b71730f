import { ListWatch, pods } from '@clustermesh/kube';
import type { Pod } from '@clustermesh/kube';

import type { EndpointTable } from '../tables/endpoint-table.ts';
import type { KubeIngestDeps } from './local-services.ts';

export interface LocalPodsDeps extends KubeIngestDeps {
  readonly table: EndpointTable;
  readonly nodeName: string;
  readonly onChange: () => void;
}

/** The pods of this node. */
export class LocalPods {
  readonly #deps: LocalPodsDeps;
  readonly #pods: ListWatch<Pod>;

  constructor(deps: LocalPodsDeps) {
    this.#deps = deps;
    const selection = { fieldSelector: `spec.nodeName=${deps.nodeName}` };
    this.#pods = new ListWatch(deps.kube, pods, selection, { ...deps, health: deps.health.scope('kube/pods') });
  }

  get isSynced(): boolean {
    return this.#pods.isSynced;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { table, onChange } = this.#deps;
    const observer = {
      upserted: (pod: Pod) => {
        table.upsert(pod);
        onChange();
      },
      deleted: (pod: Pod) => {
        table.remove(pod);
        onChange();
      },
      synced: onChange,
    };
    await this.#pods.run(observer, signal);
  }
}
