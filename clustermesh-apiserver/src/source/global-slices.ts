import type { ClusterEndpointSlice } from '@clustermesh/wire';

import { clusterEndpointSlice } from '../map/endpoint-slice.ts';
import { partName, sliceParts } from '../map/slice-parts.ts';
import type { OrderedSink } from '../publish/kind-publisher.ts';
import { WorkQueue } from '../work-queue.ts';
import { FirstRound } from './first-round.ts';
import { restMs } from './global-services.ts';
import type { CatalogSourceDeps } from './global-services.ts';
import type { Source } from './source.ts';

export interface GlobalSlicesDeps extends CatalogSourceDeps<ClusterEndpointSlice> {
  readonly sink: OrderedSink<ClusterEndpointSlice>;
}

/** Slices of global services -> cluster endpoint slices (protocol.md §7.2, §2.8), large ones in parts (ADR 202). */
export class GlobalSlices implements Source {
  readonly #deps: GlobalSlicesDeps;
  readonly #queue: WorkQueue;
  /** Of each slice, how many parts are published. */
  readonly #parts = new Map<string, number>();

  constructor(deps: GlobalSlicesDeps) {
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
    const parts = slice !== undefined && isShared ? sliceParts(clusterEndpointSlice(slice, cluster)) : [];
    const before = this.#parts.get(key) ?? 0;
    // New parts first, old ones last: an endpoint that goes from one to another is there all the while.
    for (let part = parts.length - 1; part >= before; part--) this.#upsert(key, part, parts);
    for (let part = 0; part < Math.min(before, parts.length); part++) this.#upsert(key, part, parts);
    for (let part = Math.max(1, parts.length); part < before; part++) this.#delete(key, part);
    if (parts.length === 0) sink.delete(key);
    if (parts.length === 0) this.#parts.delete(key);
    else this.#parts.set(key, parts.length);
  }

  #upsert(key: string, part: number, parts: readonly ClusterEndpointSlice[]): void {
    const { sink } = this.#deps;
    const value = parts[part];
    if (value === undefined) return;
    sink.upsert(partName(key, part), value);
    // Else it could stand in front of the part that takes endpoints over, where an earlier value of it waits still.
    if (parts.length > 1 && parts.length !== this.#parts.get(key)) sink.writeLast(partName(key, part));
  }

  #delete(key: string, part: number): void {
    this.#deps.sink.delete(partName(key, part));
    this.#deps.sink.writeLast(partName(key, part));
  }
}
