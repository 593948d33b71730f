import { ListWatch, ciliumClusterwideNetworkPolicies, ciliumNetworkPolicies, networkPolicies } from '@clustermesh/kube';
import type { ListWatchOptions, PolicyKubeObject, Resource } from '@clustermesh/kube';
import type { PolicyKind } from '@clustermesh/policy';
import { runAll } from '@clustermesh/runtime';

import type { PolicyTable } from '../tables/policy-table.ts';
import type { KubeIngestDeps } from './local-services.ts';

export interface LocalPoliciesDeps extends KubeIngestDeps {
  readonly table: PolicyTable;
  /** Every policy there is has been told. */
  readonly onSynced: () => void;
}

export const policyResources: Readonly<Record<PolicyKind, Resource<PolicyKubeObject>>> = {
  NetworkPolicy: networkPolicies,
  CiliumNetworkPolicy: ciliumNetworkPolicies,
  CiliumClusterwideNetworkPolicy: ciliumClusterwideNetworkPolicies,
};

/** Cilium's kinds are there where somebody installed their definitions, today or later. */
function optionsOf(kind: PolicyKind): ListWatchOptions<PolicyKubeObject> {
  return kind === 'NetworkPolicy' ? { mustExist: true } : { believesAbsence: true };
}

/** The policies of this cluster, of all kinds. */
export class LocalPolicies {
  readonly #deps: LocalPoliciesDeps;
  readonly #watches: readonly { readonly kind: PolicyKind; readonly watch: ListWatch<PolicyKubeObject> }[];

  constructor(deps: LocalPoliciesDeps) {
    this.#deps = deps;
    const kinds = Object.entries(policyResources) as [PolicyKind, Resource<PolicyKubeObject>][];
    this.#watches = kinds.map(([kind, resource]) => ({
      kind,
      watch: new ListWatch(
        deps.kube,
        resource,
        { ...optionsOf(kind), keep: keptPolicy },
        { ...deps, health: deps.health.scope(`kube/${resource.plural}`) },
      ),
    }));
  }

  /** A missing policy proves nothing before that. */
  get isSynced(): boolean {
    return this.#watches.every(({ watch }) => watch.isSynced);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { table, onSynced } = this.#deps;
    await runAll(
      this.#watches.map(({ kind, watch }) => (inner: AbortSignal) => {
        const observer = {
          upserted: (policy: PolicyKubeObject) => table.upsert(kind, policy),
          deleted: (policy: PolicyKubeObject) => table.remove(kind, policy),
          synced: () => {
            if (this.isSynced) onSynced();
          },
        };
        return watch.run(observer, inner);
      }),
      signal,
    );
  }
}

/** What is told and how it stands: the table has what it means. */
function keptPolicy({ metadata, spec, specs }: PolicyKubeObject): PolicyKubeObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    spec,
    ...(specs === undefined ? {} : { specs }),
  };
}
