import { endpointSlices, objectKey, services } from '@clustermesh/kube';
import type { EndpointSlice, ListWatchObserver, Service } from '@clustermesh/kube';
import { runAll } from '@clustermesh/runtime';
import { serviceSharing } from '@clustermesh/wire';
import type { ClusterService } from '@clustermesh/wire';

import type { AnnotationAdvisor } from '../events/annotation-advisor.ts';
import type { LocalCluster } from '../map/local-cluster.ts';
import { clusterService, serviceOfSlice } from '../map/service.ts';
import type { KindSink } from '../publish/kind-publisher.ts';
import { WorkQueue } from '../work-queue.ts';
import { GroupedKeys } from './grouped-keys.ts';
import type { NamespaceTable } from './namespace-table.ts';
import { follow } from './source.ts';
import type { Source, SourceDeps } from './source.ts';

/** A change is published at once, a burst of changes of one service at most that often. */
const restMs = 20;

export interface ServiceSourceDeps extends SourceDeps {
  readonly cluster: LocalCluster;
  readonly namespaces: NamespaceTable;
  readonly sink: KindSink<ClusterService>;
  readonly advisor: Pick<AnnotationAdvisor, 'service' | 'forget'>;
}

/** Services with their EndpointSlices -> global services (protocol.md §7.5). */
export class ServiceSource implements Source {
  readonly #deps: ServiceSourceDeps;
  readonly #queue: WorkQueue;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, EndpointSlice>();
  readonly #servicesByNamespace = new GroupedKeys();
  readonly #slicesByService = new GroupedKeys();
  /** Before both lists are complete a service would be published with a part of its backends (I7). */
  readonly #unlisted = new Set(['services', 'endpointslices']);

  constructor(deps: ServiceSourceDeps) {
    this.#deps = deps;
    const publish = async (key: string): Promise<void> => this.#publish(key);
    this.#queue = new WorkQueue(publish, { ...deps, name: 'services', concurrency: 1, restMs });
    deps.namespaces.onChange((name) => {
      for (const key of this.#servicesByNamespace.keysOf(name)) this.#changed(key);
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll(
      [
        (inner) => follow(services, this.#serviceObserver(), this.#deps, inner),
        (inner) => follow(endpointSlices, this.#sliceObserver(), this.#deps, inner),
        (inner) => this.#queue.run(inner),
      ],
      signal,
    );
  }

  #serviceObserver(): ListWatchObserver<Service> {
    const put = (service: Service, isThere: boolean): void => {
      const key = objectKey(service);
      if (isThere) this.#services.set(key, service);
      else this.#services.delete(key);
      if (!isThere) this.#deps.advisor.forget(service);
      this.#servicesByNamespace.put(key, isThere ? service.metadata.namespace : undefined);
      this.#changed(key);
    };
    return {
      upserted: (service) => put(service, true),
      deleted: (service) => put(service, false),
      synced: () => this.#listed('services'),
    };
  }

  #sliceObserver(): ListWatchObserver<EndpointSlice> {
    const put = (slice: EndpointSlice, service: string | undefined): void => {
      const key = objectKey(slice);
      if (service === undefined) this.#slices.delete(key);
      else this.#slices.set(key, slice);
      const before = this.#slicesByService.put(key, service);
      if (before !== undefined) this.#changed(before);
      if (service !== undefined && service !== before) this.#changed(service);
    };
    return {
      upserted: (slice) => put(slice, serviceOfSlice(slice)),
      deleted: (slice) => put(slice, undefined),
      synced: () => this.#listed('endpointslices'),
    };
  }

  #changed(key: string): void {
    if (this.#unlisted.size === 0) this.#queue.add(key);
  }

  #listed(list: string): void {
    if (!this.#unlisted.delete(list) || this.#unlisted.size > 0) return;
    for (const key of this.#services.keys()) this.#publish(key);
    this.#deps.sink.synced();
  }

  /** Level-based: what should be there under this key now. */
  #publish(key: string): void {
    const { cluster, namespaces, sink, advisor } = this.#deps;
    const service = this.#services.get(key);
    const isNamespaceGlobal = namespaces.isGlobal(service?.metadata.namespace ?? '');
    if (service !== undefined) advisor.service(service, isNamespaceGlobal);
    if (service === undefined || !isNamespaceGlobal || !serviceSharing(service.metadata.annotations).shared) {
      sink.delete(key);
      return;
    }
    const slices = this.#slicesByService.keysOf(key).flatMap((slice) => this.#slices.get(slice) ?? []);
    sink.upsert(key, clusterService(service, slices, cluster));
  }
}
