import { clusterOfIdentity, isClusterIndependent } from '@clustermesh/wire';
import type { KindName, MaxConnectedClusters } from '@clustermesh/wire';

import { decodeCidrKey, decodeHostKey, decodeIpcacheValue } from '../maps/ipcache.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { hostPrefix } from '../tables/prefix-index.ts';
import type { IpcacheMaps } from './ipcache-programmer.ts';
import type { RestoredBackends } from './restored-backends.ts';
import type { ServiceProgrammer } from './service-programmer.ts';

export interface TakeoverOptions {
  readonly state: MeshState;
  readonly programmer: ServiceProgrammer;
  readonly restored: RestoredBackends;
  readonly ipcacheMaps: IpcacheMaps;
  readonly localClusterId: number;
  readonly maxConnectedClusters: MaxConnectedClusters;
}

/**
 * What a predecessor left in the maps: taken over at the start, and given up cluster by cluster, each only once that
 * cluster has been read completely (mark and sweep; I3, I7).
 */
export class Takeover {
  readonly #options: TakeoverOptions;
  readonly #synced = new Map<number, Set<KindName>>();
  #restoredNodes: readonly number[] = [];

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  /** Reads the maps. Writes nothing that a reader of the maps could notice. */
  restore(): void {
    const { state, programmer, restored, ipcacheMaps, localClusterId } = this.#options;
    this.#restoredNodes = state.nodeIndexes.restore();
    programmer.restore();
    for (const [frontend, backend] of programmer.programmedBackends()) {
      if (backend.clusterId !== localClusterId) restored.add(frontend, backend);
    }
    for (const [key, value] of ipcacheMaps.hosts.entries()) this.#restoreAddress(decodeHostKey(key), hostPrefix, value);
    for (const [key, value] of ipcacheMaps.cidrs.entries()) {
      const { address, prefixLength } = decodeCidrKey(key);
      this.#restoreAddress(address, prefixLength, value);
    }
  }

  /** A cluster's entries of one kind have been read completely. */
  synced(clusterId: number, kind: KindName): void {
    const kinds = this.#synced.get(clusterId) ?? new Set();
    this.#synced.set(clusterId, kinds.add(kind));
    if (kind === 'services') this.#giveUpBackends(clusterId);
    if (kinds.has('ip') && kinds.has('identities') && kinds.has('nodes')) this.#giveUpAddresses(clusterId);
  }

  /** The cluster is no member any more. */
  gone(clusterId: number): void {
    this.#giveUpBackends(clusterId);
    this.#giveUpAddresses(clusterId);
  }

  /** Clusters that left something in the maps and that nobody knows: they were removed while no agent ran. */
  giveUpUnknown(isKnown: (clusterId: number) => boolean): void {
    for (const id of this.#options.restored.clusterIds) if (!isKnown(id)) this.#giveUpBackends(id);
    this.#sweep((id) => !isKnown(id));
  }

  #giveUpBackends(clusterId: number): void {
    const { restored, state } = this.#options;
    for (const name of restored.settle(clusterId)) state.services.touch(name);
  }

  #giveUpAddresses(clusterId: number): void {
    this.#sweep((id) => id === clusterId);
  }

  #sweep(isGivenUp: (clusterId: number) => boolean): void {
    const { state } = this.#options;
    state.ipcache.sweep((identity, nodeIndex) => isGivenUp(this.#clusterOf(identity, nodeIndex)));
    const isOver = (index: number): boolean => isGivenUp(state.nodeIndexes.clusterId(index));
    for (const index of this.#restoredNodes) if (isOver(index)) state.nodeIndexes.release(index);
    this.#restoredNodes = this.#restoredNodes.filter((index) => !isOver(index));
    state.changed();
  }

  /** Numbers below 256 tell no cluster; the node behind them does. */
  #clusterOf(identity: number, nodeIndex: number): number {
    const { maxConnectedClusters, localClusterId, state } = this.#options;
    if (!isClusterIndependent(identity)) return clusterOfIdentity(identity, maxConnectedClusters);
    return nodeIndex === 0 ? localClusterId : state.nodeIndexes.clusterId(nodeIndex);
  }

  #restoreAddress(address: Uint8Array, prefixLength: number, value: Uint8Array): void {
    const { identity, nodeIndex } = decodeIpcacheValue(value);
    this.#options.state.nodeIndexes.retain(nodeIndex);
    this.#options.state.ipcache.restore(address, prefixLength, identity, nodeIndex);
  }
}
