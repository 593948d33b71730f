import { ListWatch, endpointSlices, objectKey, services } from '@clustermesh/kube';
import type { EndpointSlice, KubeClient, Service } from '@clustermesh/kube';
import { runAll } from '@clustermesh/runtime';
import { changedLocalAddresses } from '@clustermesh/select';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import type { PolicyService } from '@clustermesh/policy';
import { parseIp, serviceSharing } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import type { PolicyState } from '../policy/policy-state.ts';
import type { NamespaceTable } from '../tables/namespace-table.ts';
import type { LocalServiceRow, ServiceTable } from '../tables/service-table.ts';
import { keptService, keptSlice, managedByLabel, meshController, serviceNameLabel } from './kept-fields.ts';
import { trafficRule } from './traffic-rule.ts';

export interface KubeIngestDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

export interface LocalServicesDeps extends KubeIngestDeps {
  readonly table: ServiceTable;
  readonly namespaces: Pick<NamespaceTable, 'isGlobal'>;
  readonly clusterId: number;
  /** Policies may name them, shared or not. */
  readonly policy: Pick<PolicyState, 'serviceChanged' | 'serviceRemoved'>;
  /** Where our cluster's API server is, as its own Service tells. */
  readonly onApiservers: (addresses: readonly Prefix[]) => void;
  /** All services and their slices are in the table. */
  readonly onSynced: () => void;
}

/** A page is parsed in one piece, and a slice may have 100 endpoints: more would hold the event loop too long. */
const pageSize = 100;

/** Kubernetes keeps its API server's addresses here. */
const apiserverService = 'default/kubernetes';
/** Kubernetes' default for sessionAffinity: ClientIP. */
const defaultAffinitySeconds = 10_800;

/** Services of this cluster with their EndpointSlices, joined by name. */
export class LocalServices {
  readonly #deps: LocalServicesDeps;
  readonly #services: ListWatch<Service>;
  readonly #slices: ListWatch<EndpointSlice>;
  /** `namespace/service` → its slices by `namespace/name`. */
  readonly #slicesByService = new Map<string, Map<string, EndpointSlice>>();
  readonly #serviceBySlice = new Map<string, string>();

  constructor(deps: LocalServicesDeps) {
    this.#deps = deps;
    const scope = (name: string) => ({ ...deps, health: deps.health.scope(`kube/${name}`) });
    this.#services = new ListWatch(deps.kube, services, { pageSize, keep: keptService }, scope('services'));
    this.#slices = new ListWatch(deps.kube, endpointSlices, { pageSize, keep: keptSlice }, scope('endpointslices'));
  }

  get isSynced(): boolean {
    return this.#services.isSynced && this.#slices.isSynced;
  }

  /** Whether a namespace takes part in the mesh decides for its services too. */
  namespaceChanged(namespace: string): void {
    for (const name of this.#services.objects.keys()) if (name.startsWith(`${namespace}/`)) this.#join(name);
  }

  async run(signal: AbortSignal): Promise<void> {
    const synced = (): void => {
      if (this.isSynced) this.#deps.onSynced();
    };
    const serviceObserver = {
      upserted: (service: Service) => this.#join(objectKey(service)),
      deleted: (service: Service) => this.#remove(service),
      synced,
    };
    const sliceObserver = {
      upserted: (slice: EndpointSlice) => this.#upsertSlice(slice),
      deleted: (slice: EndpointSlice) => this.#removeSlice(objectKey(slice)),
      synced,
    };
    await runAll(
      [(inner) => this.#services.run(serviceObserver, inner), (inner) => this.#slices.run(sliceObserver, inner)],
      signal,
    );
  }

  #upsertSlice(slice: EndpointSlice): void {
    const key = objectKey(slice);
    const { labels, namespace = '' } = slice.metadata;
    const service = labels?.[serviceNameLabel];
    const name = service === undefined || labels?.[managedByLabel] === meshController ? '' : `${namespace}/${service}`;
    if (this.#serviceBySlice.get(key) !== name) this.#removeSlice(key);
    if (name === '') return;
    const slices = this.#slicesByService.get(name) ?? new Map<string, EndpointSlice>();
    const before = slices.get(key);
    this.#slicesByService.set(name, slices.set(key, slice));
    this.#serviceBySlice.set(key, name);
    this.#join(name, changedLocalAddresses(before, slice));
  }

  #removeSlice(key: string): void {
    const name = this.#serviceBySlice.get(key);
    if (name === undefined) return;
    this.#serviceBySlice.delete(key);
    const slices = this.#slicesByService.get(name);
    const before = slices?.get(key);
    slices?.delete(key);
    if (slices?.size === 0) this.#slicesByService.delete(name);
    this.#join(name, changedLocalAddresses(before, undefined));
  }

  #remove(service: Service): void {
    const { table, policy } = this.#deps;
    table.setLocal(objectKey(service), undefined);
    policy.serviceRemoved({ namespace: service.metadata.namespace ?? '', name: service.metadata.name });
  }

  /** `addresses`: nothing else of it has changed. */
  #join(name: string, addresses?: ReadonlySet<string>): void {
    const service = this.#services.objects.get(name);
    if (service === undefined) return;
    const slices = [...(this.#slicesByService.get(name)?.values() ?? [])];
    const { table, namespaces, policy, onApiservers, clusterId } = this.#deps;
    policy.serviceChanged(policyService(service, slices));
    if (name === apiserverService) onApiservers(addressesOf(slices));
    const isInMesh = namespaces.isGlobal(service.metadata.namespace ?? '') ?? false;
    table.setLocal(name, toRow(service, slices, { clusterId, isInMesh }), addresses);
  }
}

/** Pods are found by their labels; only where nobody selects any, addresses count. */
function policyService({ metadata, spec }: Service, slices: readonly EndpointSlice[]): PolicyService {
  const selector = spec?.selector ?? {};
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    selector,
    addresses: Object.keys(selector).length > 0 ? [] : addressesOf(slices).map(({ address }) => address),
  };
}

function addressesOf(slices: readonly EndpointSlice[]): readonly Prefix[] {
  const texts = slices.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
  return [...new Set(texts)].flatMap((text) => {
    const address = parseIp(text);
    return address === undefined ? [] : [{ address, bits: 128 }];
  });
}

/** A global service in a namespace that is not has nothing in other clusters, and nothing of them (protocol.md §7.6). */
function toRow(
  service: Service,
  slices: readonly EndpointSlice[],
  { clusterId, isInMesh }: { readonly clusterId: number; readonly isInMesh: boolean },
): LocalServiceRow {
  const { metadata, spec } = service;
  const sharing = serviceSharing(isInMesh ? metadata.annotations : undefined);
  return {
    service: {
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      clusterId,
      clusterIps: spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP]),
      ports: spec?.ports ?? [],
      includeExternal: sharing.global,
      affinity: sharing.affinity,
      traffic: trafficRule(service),
      slices,
    },
    affinityTimeoutS: affinityTimeoutS(spec),
  };
}

function affinityTimeoutS(spec: Service['spec']): number {
  if (spec?.sessionAffinity !== 'ClientIP') return 0;
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds;
}
