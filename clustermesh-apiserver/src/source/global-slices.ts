import type { ClusterEndpointSlice } from '@clustermesh/wire';

import { clusterEndpointSlice } from '../map/endpoint-slice.ts';
import { WorkQueue } from '../work-queue.ts';
import { FirstRound } from './first-round.ts';
import { restMs } from './global-services.ts';
import type { CatalogSourceDeps } from './global-services.ts';
import type { Source } from './source.ts';

/** Slices of global services -> cluster endpoint slices, one for one (protocol.md §7.2, §2.8). */
export class GlobalSlices implements Source {
  readonly #deps: CatalogSourceDeps<ClusterEndpointSlice>;
  readonly #queue: WorkQueue;

  constructor(deps: CatalogSourceDeps<ClusterEndpointSlice>) {
    this.#deps = deps;
    const { catalog, sink } = deps;
    const firstRound = new FirstRound(() => sink.synced());
    const publish = async (key: string): Promise<void> => {
      this.#publish(key);
      firstRound.worked(key);
    };
    this.#queue = new WorkQueue(publish, { ...deps, name: 'endpointslices', concurrency: 1, restMs });
    catalog.addListener({
      service: (key) => catalog.sliceKeysOf(key).forEach((slice) => this.#queue.add(slice)),
      slice: (key) => this.#queue.add(key),
      listed: () => firstRound.start(catalog.sliceKeys, this.#queue),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  #publish(key: string): void {
    const { cluster, catalog, sink } = this.#deps;
    const slice = catalog.slice(key);
    const service = catalog.serviceKeyOf(key);
    const isShared = service !== undefined && catalog.sharedService(service) !== undefined;
    if (slice !== undefined && isShared) sink.upsert(key, clusterEndpointSlice(slice, cluster));
    else sink.delete(key);
  }
}
