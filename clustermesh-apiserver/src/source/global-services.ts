import type { ClusterService } from '@clustermesh/wire';

import type { LocalCluster } from '../map/local-cluster.ts';
import { clusterService } from '../map/service.ts';
import type { KindSink } from '../publish/kind-publisher.ts';
import { WorkQueue } from '../work-queue.ts';
import { FirstRound } from './first-round.ts';
import type { ServiceCatalog } from './service-catalog.ts';
import type { Source, SourceDeps } from './source.ts';

/** A change is published at once, a burst of changes of one service or slice at most that often. */
export const restMs = 20;

export interface CatalogSourceDeps<T> extends SourceDeps {
  readonly cluster: LocalCluster;
  readonly catalog: ServiceCatalog;
  readonly sink: KindSink<T>;
}

/** Services with the backends of their slices -> global services (protocol.md §7.5). */
export class GlobalServices implements Source {
  readonly #deps: CatalogSourceDeps<ClusterService>;
  readonly #queue: WorkQueue;

  constructor(deps: CatalogSourceDeps<ClusterService>) {
    this.#deps = deps;
    const firstRound = new FirstRound(() => deps.sink.synced());
    const publish = async (key: string): Promise<void> => {
      this.#publish(key);
      firstRound.worked(key);
    };
    this.#queue = new WorkQueue(publish, { ...deps, name: 'services', concurrency: 1, restMs });
    deps.catalog.addListener({
      service: (key) => this.#queue.add(key),
      slice: (_, services) => services.forEach((key) => this.#queue.add(key)),
      listed: () => firstRound.start(deps.catalog.serviceKeys, this.#queue),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  /** Level-based: what should be there under this key now. */
  #publish(key: string): void {
    const { cluster, catalog, sink } = this.#deps;
    const service = catalog.sharedService(key);
    if (service === undefined) {
      sink.delete(key);
      return;
    }
    const slices = catalog.sliceKeysOf(key).flatMap((slice) => catalog.slice(slice) ?? []);
    sink.upsert(key, clusterService(service, slices, cluster));
  }
}
