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

interface PolicySource {
  readonly kind: PolicyKind;
  readonly resource: Resource<PolicyKubeObject>;
  readonly options: ListWatchOptions<PolicyKubeObject>;
}

/** Cilium's kinds are there where somebody installed their definitions, today or later. */
const sources: readonly PolicySource[] = [
  { kind: 'NetworkPolicy', resource: networkPolicies, options: { mustExist: true } },
  { kind: 'CiliumNetworkPolicy', resource: ciliumNetworkPolicies, options: { believesAbsence: true } },
  {
    kind: 'CiliumClusterwideNetworkPolicy',
    resource: ciliumClusterwideNetworkPolicies,
    options: { believesAbsence: true },
  },
];

/** The policies of this cluster, of all kinds. */
export class LocalPolicies {
  readonly #deps: LocalPoliciesDeps;
  readonly #watches: readonly { readonly kind: PolicyKind; readonly watch: ListWatch<PolicyKubeObject> }[];

  constructor(deps: LocalPoliciesDeps) {
    this.#deps = deps;
    this.#watches = sources.map(({ kind, resource, options }) => ({
      kind,
      watch: new ListWatch(
        deps.kube,
        resource,
        { ...options, keep: keptPolicy },
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
