import { changedAddresses } from '@clustermesh/select';
import type { PublishedEndpoint, RemoteService } from '@clustermesh/select';
import type { ClusterName } from '@clustermesh/wire';

import { PublishedService } from './published-service.ts';
import type { RemoteSource, ServiceForm } from './published-service.ts';

export interface RemoteServicesOptions {
  readonly monotonicMs: () => number;
  /** The service is to be looked at again, or only what is at some addresses. */
  readonly onChange: (service: string, addresses?: ReadonlySet<string>) => void;
  /** One value of a cluster lists other addresses for the service than before. */
  readonly onListed: (
    service: string,
    before: readonly PublishedEndpoint[],
    after: readonly PublishedEndpoint[],
  ) => void;
}

/** A slice, and whose it is. */
export interface SliceRow {
  /** `namespace/name`. */
  readonly service: string;
  readonly endpoints: readonly PublishedEndpoint[];
}

/** What other clusters publish, by `namespace/name` of the service and by cluster, in either form. */
export class RemoteServices {
  readonly #options: RemoteServicesOptions;
  readonly #byService = new Map<string, Map<ClusterName, PublishedService>>();
  /** `cluster/namespace/slice` → whose it was last. */
  readonly #serviceBySlice = new Map<string, string>();
  readonly #unusable = new Set<ClusterName>();
  /** Clusters that publish slices, of which all are here. */
  readonly #withSlices = new Set<ClusterName>();
  /** Services whose two forms do not agree. */
  readonly #waiting = new Set<PublishedService>();

  constructor(options: RemoteServicesOptions) {
    this.#options = options;
  }

  /** What counts, of the clusters that have said something that counts. */
  of(name: string): readonly RemoteService[] {
    return [...this.published(name)].flatMap(({ source: { cluster, clusterId }, endpoints }) =>
      endpoints === undefined ? [] : { cluster, clusterId, endpoints, usable: !this.#unusable.has(cluster) },
    );
  }

  /** All that each cluster publishes for the service. */
  published(name: string): Iterable<PublishedService> {
    return this.#byService.get(name)?.values() ?? [];
  }

  /** The entry that says that the cluster has a backend of the service at the address: its kind, and its key name. */
  entryOf(name: string, clusterId: number, address: string): readonly [kind: ServiceForm, keyName: string] {
    for (const { form, source, slices } of this.published(name)) {
      if (source.clusterId !== clusterId || form === 'services') continue;
      for (const [slice, endpoints] of slices) {
        if (endpoints.some((endpoint) => endpoint.address === address)) return [form, slice];
      }
    }
    return ['services', name];
  }

  /** `undefined`: the cluster does not publish it in one value. */
  setEntry(source: RemoteSource, name: string, endpoints: readonly PublishedEndpoint[] | undefined): void {
    const service = this.#get(source, name);
    const before = service.entry;
    this.#options.onListed(name, before ?? [], endpoints ?? []);
    service.setEntry(endpoints);
    this.#changed(service, before && endpoints && changedAddresses(before, endpoints));
  }

  /** `undefined`: the slice is gone, or nobody's. */
  setSlice(source: RemoteSource, slice: string, row: SliceRow | undefined): void {
    const key = `${source.cluster}/${slice}`;
    const before = this.#serviceBySlice.get(key);
    // First where it is now: what moves from one service to another is not gone in between.
    if (row !== undefined) this.#putSlice(source, slice, row);
    if (row === undefined) this.#serviceBySlice.delete(key);
    else this.#serviceBySlice.set(key, row.service);
    if (before === undefined || before === row?.service) return;
    this.#putSlice(source, slice, { service: before, endpoints: undefined });
  }

  /** `false`: the cluster publishes none any more, and those that are here are old. */
  setSlicesKnown(cluster: ClusterName, areKnown: boolean): void {
    if (areKnown === this.#withSlices.has(cluster)) return;
    if (areKnown) this.#withSlices.add(cluster);
    else this.#withSlices.delete(cluster);
    for (const byCluster of this.#byService.values()) {
      const service = byCluster.get(cluster);
      if (service !== undefined) this.#changed(service);
    }
  }

  /** Backends of an unusable cluster are chosen only where there is nothing else (I4). */
  setUsable(cluster: ClusterName, isUsable: boolean): void {
    if (isUsable === !this.#unusable.has(cluster)) return;
    if (isUsable) this.#unusable.delete(cluster);
    else this.#unusable.add(cluster);
    for (const [name, byCluster] of this.#byService) if (byCluster.has(cluster)) this.#options.onChange(name);
  }

  /** What time decides. Called every second or so. */
  tick(): void {
    for (const service of this.#waiting) if (this.#decide(service)) this.#options.onChange(service.name);
  }

  #putSlice(
    source: RemoteSource,
    slice: string,
    { service: name, endpoints }: { readonly service: string; readonly endpoints: SliceRow['endpoints'] | undefined },
  ): void {
    const service = this.#get(source, name);
    const before = service.slices.get(slice) ?? [];
    this.#options.onListed(name, before, endpoints ?? []);
    service.setSlice(slice, endpoints);
    this.#changed(service, changedAddresses(before, endpoints ?? []));
  }

  #get(source: RemoteSource, name: string): PublishedService {
    const byCluster = this.#byService.get(name) ?? new Map<ClusterName, PublishedService>();
    const known = byCluster.get(source.cluster);
    if (known?.source.clusterId === source.clusterId) return known;
    const service = new PublishedService(name, source);
    this.#byService.set(name, byCluster.set(source.cluster, service));
    return service;
  }

  /** `addresses`: those of which a value says something else; where another form counts from now on, that is not all. */
  #changed(service: PublishedService, addresses?: ReadonlySet<string>): void {
    const isOtherForm = this.#decide(service);
    this.#options.onChange(service.name, isOtherForm ? undefined : addresses);
    if (!service.isEmpty) return;
    const byCluster = this.#byService.get(service.name);
    byCluster?.delete(service.source.cluster);
    if (byCluster?.size === 0) this.#byService.delete(service.name);
  }

  /** Has another form come to count? */
  #decide(service: PublishedService): boolean {
    const areSlicesKnown = this.#withSlices.has(service.source.cluster);
    const isOther = service.decide({ areSlicesKnown, nowMs: this.#options.monotonicMs() });
    if (service.isWaiting) this.#waiting.add(service);
    else this.#waiting.delete(service);
    return isOther;
  }
}
