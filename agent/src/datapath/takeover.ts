import {
  clusterOfIdentity,
  hostIdentity,
  isClusterIndependent,
  isNetworkIdentity,
  remoteNodeIdentity,
} from '@clustermesh/wire';
import type { KindName, MaxConnectedClusters, Prefix } from '@clustermesh/wire';

import { decodeCidrKey, decodeHostKey, decodeIpcacheValue } from '../maps/ipcache.ts';
import { noClaimant } from '../tables/ipcache-claims.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { kubeApiserverIdentity } from '../tables/own-claims.ts';
import { hostPrefix } from '../tables/prefix-index.ts';
import { RowList } from '../tables/row-list.ts';
import type { IpcacheMaps } from './addresses/ipcache-programmer.ts';
import type { Pacer } from '../ingest/pacer.ts';
import type { PolicyProgrammer } from './policy-rows/policy-programmer.ts';
import type { RestoredBackends } from './services/restored-backends.ts';
import type { ServiceProgrammer } from './services/service-programmer.ts';

export interface TakeoverOptions {
  readonly state: MeshState;
  readonly programmer: ServiceProgrammer;
  readonly restored: RestoredBackends;
  readonly ipcacheMaps: IpcacheMaps;
  /** A network had this identity of our own. */
  readonly onNetwork: (prefix: Prefix, identity: number) => void;
  readonly policyRows: Pick<PolicyProgrammer, 'restoring'>;
  readonly localClusterId: number;
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly pacer: Pacer;
}

/** Entries read without a pause. */
const restoredAtOnce = 256;

/**
 * What a predecessor left in the maps: taken over at the start, and given up cluster by cluster, each only once that
 * cluster has been read completely (mark and sweep; I3, I7).
 */
export class Takeover {
  readonly #options: TakeoverOptions;
  readonly #synced = new Map<number, Set<KindName>>();
  /** By cluster id: rows of the address table, and node indexes. */
  readonly #rows = new Map<number, RowList>();
  readonly #nodes = new Map<number, RowList>();
  readonly #gone = new Set<number>();
  #isOver = false;
  #isMember: (clusterId: number) => boolean = () => true;

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  /** Reads the maps, before anything else is done with them. Writes nothing that their readers could notice. */
  async restore(): Promise<void> {
    let count = 0;
    for (const _ of this.#restoring()) if (++count % restoredAtOnce === 0) await this.#options.pacer.pause();
  }

  /** One step an entry. */
  *#restoring(): Generator<void> {
    const { state, programmer, restored, ipcacheMaps, policyRows, localClusterId } = this.#options;
    for (const index of state.nodeIndexes.restoring()) {
      append(this.#nodes, state.nodeIndexes.clusterId(index), index);
      yield;
    }
    yield* state.nodeIndexes.reindexing();
    yield* programmer.restoring();
    for (const [frontend, backend] of programmer.programmedBackends()) {
      if (backend.clusterId !== localClusterId) restored.add(frontend, backend);
      yield;
    }
    for (const [key, value] of ipcacheMaps.hosts.entries()) {
      this.#restoreAddress(decodeHostKey(key), hostPrefix, value);
      yield;
    }
    for (const [key, value] of ipcacheMaps.cidrs.entries()) {
      const { address, prefixLength } = decodeCidrKey(key);
      this.#restoreAddress(address, prefixLength, value);
    }
    yield* policyRows.restoring();
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
    this.#gone.add(clusterId);
    this.#giveUpBackends(clusterId);
    this.#giveUpAddresses(clusterId);
  }

  /** Clusters that left something in the maps and that nobody knows: they were removed while no agent ran. */
  giveUpUnknown(isKnown: (clusterId: number) => boolean): void {
    this.#isMember = isKnown;
    this.#isOver = true;
    const left = new Set([...this.#options.restored.clusterIds, ...this.#rows.keys(), ...this.#nodes.keys()]);
    left.delete(noClaimant);
    for (const clusterId of left) if (!isKnown(clusterId)) this.gone(clusterId);
  }

  /** Policies are applied: what agents say by themselves of addresses goes, once all nodes are known, unless we say it too. */
  policiesApplied(): void {
    if (this.#isOver && this.#rows.has(noClaimant)) this.#giveUpAddresses(noClaimant);
  }

  /** Does an identity of this cluster that is not known exist no more? */
  areIdentitiesKnown(clusterId: number): boolean {
    const isRead = this.#synced.get(clusterId)?.has('identities') === true;
    return isRead || this.#gone.has(clusterId) || !this.#isMember(clusterId);
  }

  #giveUpBackends(clusterId: number): void {
    const { restored, state } = this.#options;
    for (const name of restored.settle(clusterId)) state.services.touch(name);
  }

  #giveUpAddresses(clusterId: number): void {
    const { state } = this.#options;
    const nodes = this.#nodes.get(clusterId);
    state.ipcache.giveUp(this.#rows.get(clusterId) ?? new RowList());
    for (const index of nodes?.take(nodes.length) ?? []) state.nodeIndexes.release(index);
    this.#rows.delete(clusterId);
    this.#nodes.delete(clusterId);
    state.changed();
  }

  /** Numbers below 256 tell no cluster; the node behind them does. */
  #clusterOf(identity: number, nodeIndex: number): number {
    const { maxConnectedClusters, localClusterId, state } = this.#options;
    if (isNetworkIdentity(identity) || isHost(identity, nodeIndex)) return noClaimant;
    if (!isClusterIndependent(identity)) return clusterOfIdentity(identity, maxConnectedClusters);
    return nodeIndex === 0 ? localClusterId : state.nodeIndexes.clusterId(nodeIndex);
  }

  #restoreAddress(address: Uint8Array, prefixLength: number, value: Uint8Array): void {
    const { identity, nodeIndex } = decodeIpcacheValue(value);
    if (isNetworkIdentity(identity)) this.#options.onNetwork({ address, bits: prefixLength }, identity);
    this.#options.state.nodeIndexes.retain(nodeIndex);
    const row = this.#options.state.ipcache.restore(address, prefixLength, identity, nodeIndex);
    append(this.#rows, this.#clusterOf(identity, nodeIndex), row);
  }
}

/** The agent's own word on addresses of nodes; what clusters say of theirs leads there. */
function isHost(identity: number, nodeIndex: number): boolean {
  return nodeIndex === 0 && hostIdentities.has(identity);
}

const hostIdentities: ReadonlySet<number> = new Set([hostIdentity, remoteNodeIdentity, kubeApiserverIdentity]);

function append(lists: Map<number, RowList>, key: number, value: number): void {
  const list = lists.get(key) ?? new RowList();
  list.push(value);
  lists.set(key, list);
}
