import { endpointSlices, objectKey, services } from '@clustermesh/kube';
import type { EndpointSlice, ListWatchObserver, Service } from '@clustermesh/kube';
import { runAll } from '@clustermesh/runtime';
import { serviceSharing } from '@clustermesh/wire';

import type { AnnotationAdvisor } from '../events/annotation-advisor.ts';
import { serviceFields, sliceFields } from '../map/read-fields.ts';
import { serviceOfSlice } from '../map/service.ts';
import { GroupedKeys } from './grouped-keys.ts';
import type { NamespaceTable } from './namespace-table.ts';
import { follow } from './source.ts';
import type { Source, SourceDeps } from './source.ts';

export interface ServiceCatalogDeps extends SourceDeps {
  readonly namespaces: NamespaceTable;
  readonly advisor: Pick<AnnotationAdvisor, 'service' | 'forget'>;
  /** Services that name a proxy are that one's; '': those that name none are ours. */
  readonly serviceProxyName: string;
}

const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';

/** Who is told what changed, by key: what there is now is to be read from the catalog. */
export interface CatalogListener {
  /** A service came, went or changed, or its namespace did. */
  service(key: string): void;
  /** A slice came, went or changed; `services` are those that it is or was of. */
  slice(key: string, services: readonly string[]): void;
  /** Services and slices are listed: what was left untold until now can be read. Once. */
  listed(): void;
}

/** The cluster's services, which slices are of which, and what of them is shared with other clusters. */
export class ServiceCatalog implements Source {
  readonly #deps: ServiceCatalogDeps;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, EndpointSlice>();
  readonly #servicesByNamespace = new GroupedKeys();
  readonly #slicesByService = new GroupedKeys();
  readonly #listeners: CatalogListener[] = [];
  /** Before both lists are complete a service would be published with a part of its backends (I7). */
  readonly #unlisted = new Set(['services', 'endpointslices']);

  constructor(deps: ServiceCatalogDeps) {
    this.#deps = deps;
    deps.namespaces.onChange((name) => {
      for (const key of this.#servicesByNamespace.keysOf(name)) this.#serviceChanged(key);
    });
  }

  /** Before `run`. */
  addListener(listener: CatalogListener): void {
    this.#listeners.push(listener);
  }

  get serviceKeys(): Iterable<string> {
    return this.#services.keys();
  }

  get sliceKeys(): Iterable<string> {
    return this.#slices.keys();
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }

  slice(key: string): EndpointSlice | undefined {
    return this.#slices.get(key);
  }

  sliceKeysOf(service: string): readonly string[] {
    return this.#slicesByService.keysOf(service);
  }

  /** The service of a slice, by key. */
  serviceKeyOf(slice: string): string | undefined {
    return this.#slicesByService.groupOf(slice);
  }

  /** A service that other clusters are to know: global, shared, in a namespace that is global (protocol.md §7.5). */
  sharedService(key: string): Service | undefined {
    const service = this.#services.get(key);
    if (service === undefined || !serviceSharing(service.metadata.annotations).shared) return undefined;
    return this.#isNamespaceGlobal(service) ? service : undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll(
      [
        (inner) =>
          follow(services, this.#serviceObserver(), { ...this.#deps, options: { fields: serviceFields } }, inner),
        (inner) =>
          follow(endpointSlices, this.#sliceObserver(), { ...this.#deps, options: { fields: sliceFields } }, inner),
      ],
      signal,
    );
  }

  #serviceObserver(): ListWatchObserver<Service> {
    const deleted = (service: Service): void => {
      const key = objectKey(service);
      this.#services.delete(key);
      this.#servicesByNamespace.put(key, undefined);
      this.#deps.advisor.forget(service);
      this.#serviceChanged(key);
    };
    return {
      upserted: (service) => {
        if ((service.metadata.labels?.[proxyNameLabel] ?? '') !== this.#deps.serviceProxyName) {
          deleted(service);
          return;
        }
        const key = objectKey(service);
        this.#services.set(key, service);
        this.#servicesByNamespace.put(key, service.metadata.namespace);
        this.#serviceChanged(key);
      },
      deleted,
      synced: () => this.#listed('services'),
    };
  }

  #sliceObserver(): ListWatchObserver<EndpointSlice> {
    const put = (slice: EndpointSlice, service: string | undefined): void => {
      const key = objectKey(slice);
      if (service === undefined) this.#slices.delete(key);
      else this.#slices.set(key, slice);
      const before = this.#slicesByService.put(key, service);
      const touched = [...new Set([before, service])].filter((each) => each !== undefined);
      if (touched.length > 0) this.#tell((listener) => listener.slice(key, touched));
    };
    return {
      upserted: (slice) => put(slice, serviceOfSlice(slice)),
      deleted: (slice) => put(slice, undefined),
      synced: () => this.#listed('endpointslices'),
    };
  }

  #serviceChanged(key: string): void {
    const service = this.#services.get(key);
    if (service !== undefined) this.#deps.advisor.service(service, this.#isNamespaceGlobal(service));
    this.#tell((listener) => listener.service(key));
  }

  #tell(what: (listener: CatalogListener) => void): void {
    if (this.#unlisted.size === 0) this.#listeners.forEach(what);
  }

  #listed(list: string): void {
    if (this.#unlisted.delete(list)) this.#tell((listener) => listener.listed());
  }

  #isNamespaceGlobal({ metadata }: Service): boolean {
    return this.#deps.namespaces.isGlobal(metadata.namespace ?? '');
  }
}
