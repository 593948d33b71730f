import type { Random } from '@clustermesh/runtime';
import type { BackendPath } from '@clustermesh/select';
import { parseIp } from '@clustermesh/wire';
import type { ClusterService, IpBytes } from '@clustermesh/wire';

import type { NodeIndexes } from '../datapath/node-indexes.ts';
import { BackendIndex } from './backend-index.ts';
import type { IpcacheTable } from './ipcache-table.ts';
import type { NodeTable } from './node-table.ts';
import type { ServicePaths } from './service-table.ts';

export interface BackendPathsOptions {
  readonly random: Random;
  readonly ipcache: Pick<IpcacheTable, 'way'>;
  readonly nodes: Pick<NodeTable, 'get' | 'owner'>;
  readonly nodeIndexes: Pick<NodeIndexes, 'find'>;
  readonly localClusterId: number;
  /** The service is to be looked at again. */
  readonly touch: (service: string) => void;
}

/** Backends that a cluster lists though the addresses are another cluster's. */
export interface ForeignBackends {
  readonly service: string;
  readonly clusterId: number;
  /** Whose the addresses are. */
  readonly holderId: number;
  /** One of them. */
  readonly address: IpBytes;
  readonly count: number;
}

/**
 * Which backends of other clusters can be reached (ADR 115). By the first rule that says anything:
 * an address that another cluster holds is foreign; one in the maps has a path while its node answers; one that is
 * known but not in the maps yet has none (I2); one that is not known has none if it lies in a pod CIDR, because its
 * entry is still to come. Any other is an external endpoint, which the network itself leads to.
 */
export class BackendPaths implements ServicePaths {
  readonly #options: BackendPathsOptions;
  readonly #index: BackendIndex;
  /** Services whose backends were judged by pod CIDR. */
  readonly #unrouted = new Set<string>();
  readonly #foreign = new Map<string, Map<number, ForeignBackends>>();
  /** Nodes that do not answer, by cluster. */
  readonly #silent = new Map<string, Set<string>>();
  #silentIndexes = new Set<number>();

  constructor(options: BackendPathsOptions) {
    this.#options = options;
    this.#index = new BackendIndex(options.random);
  }

  begin(service: string): void {
    this.#foreign.delete(service);
  }

  of(service: string, clusterId: number): (address: IpBytes) => BackendPath {
    return (address) => this.#judge(service, clusterId, address);
  }

  listed(service: string, before: ClusterService | undefined, after: ClusterService | undefined): void {
    const [old, now] = [before?.backends ?? {}, after?.backends ?? {}];
    for (const text of Object.keys(now)) if (!Object.hasOwn(old, text)) this.#list(text, service);
    for (const text of Object.keys(old)) if (!Object.hasOwn(now, text)) this.#unlist(text, service);
    if (after === undefined) this.#foreign.delete(service);
  }

  /** What the address table says of an address has changed. */
  addressChanged(address: Uint8Array): void {
    if (this.#index.size === 0) return;
    const nodeIndex = this.#options.ipcache.way(address)?.nodeIndex ?? 0;
    for (const service of this.#index.moved(address, nodeIndex)) this.#options.touch(service);
  }

  /** Which index a node has may have changed, and perhaps whose range an address lies in. */
  nodesChanged(changesRanges: boolean): void {
    this.#applySilence();
    if (!changesRanges) return;
    const services = [...this.#unrouted];
    this.#unrouted.clear();
    for (const service of services) this.#options.touch(service);
  }

  setNodeReachable(cluster: string, node: string, isReachable: boolean): void {
    const nodes = this.#silent.get(cluster) ?? new Set<string>();
    if (nodes.has(node) === !isReachable) return;
    if (isReachable) nodes.delete(node);
    else nodes.add(node);
    if (nodes.size === 0) this.#silent.delete(cluster);
    else this.#silent.set(cluster, nodes);
    const index = this.#indexOf(cluster, node);
    if (index === undefined) return;
    // Not all silent nodes anew: thousands may turn at once.
    if (isReachable) this.#silentIndexes.delete(index);
    else this.#silentIndexes.add(index);
    for (const service of this.#index.behind(new Set([index]))) this.#options.touch(service);
  }

  /** Names of the nodes of a cluster that were declared unreachable. */
  unreachableNodes(cluster: string): ReadonlySet<string> {
    return this.#silent.get(cluster) ?? new Set();
  }

  *foreign(): Generator<ForeignBackends> {
    for (const byCluster of this.#foreign.values()) yield* byCluster.values();
  }

  #judge(service: string, clusterId: number, address: IpBytes): BackendPath {
    const way = this.#options.ipcache.way(address);
    if (way === undefined) return this.#judgeByPodCidr(service, clusterId, address);
    if (way.clusterId !== undefined && way.clusterId !== clusterId) {
      // In a range of its own the cluster is believed: its entry is still to come, and wins then.
      if (this.#options.nodes.owner(address) === clusterId) return 'missing';
      this.#noteForeign(service, clusterId, way.clusterId, address);
      return 'foreign';
    }
    return way.isProgrammed && !this.#silentIndexes.has(way.nodeIndex) ? 'open' : 'missing';
  }

  #judgeByPodCidr(service: string, clusterId: number, address: IpBytes): BackendPath {
    this.#unrouted.add(service);
    const owner = this.#options.nodes.owner(address);
    if (owner === undefined) return 'open';
    // Which other cluster owns a range may be open to doubt; what is ours we know.
    if (owner !== this.#options.localClusterId) return 'missing';
    this.#noteForeign(service, clusterId, owner, address);
    return 'foreign';
  }

  #noteForeign(service: string, clusterId: number, holderId: number, address: IpBytes): void {
    const byCluster = this.#foreign.get(service) ?? new Map<number, ForeignBackends>();
    this.#foreign.set(service, byCluster);
    const known = byCluster.get(clusterId);
    byCluster.set(clusterId, {
      ...(known ?? { service, clusterId, holderId, address }),
      count: (known?.count ?? 0) + 1,
    });
  }

  #list(text: string, service: string): void {
    const address = parseIp(text);
    if (address !== undefined) this.#index.add(address, service, this.#options.ipcache.way(address)?.nodeIndex ?? 0);
  }

  #unlist(text: string, service: string): void {
    const address = parseIp(text);
    if (address !== undefined) this.#index.remove(address, service);
  }

  /** From names to the indexes that addresses refer to; services behind those that changed are looked at again. */
  #applySilence(): void {
    if (this.#silent.size === 0 && this.#silentIndexes.size === 0) return;
    const indexes = new Set<number>();
    for (const [cluster, names] of this.#silent) {
      for (const name of names) {
        const index = this.#indexOf(cluster, name);
        if (index !== undefined) indexes.add(index);
      }
    }
    const before = this.#silentIndexes;
    const changed = new Set([...before, ...indexes].filter((index) => before.has(index) !== indexes.has(index)));
    this.#silentIndexes = indexes;
    if (changed.size > 0) for (const service of this.#index.behind(changed)) this.#options.touch(service);
  }

  #indexOf(cluster: string, node: string): number | undefined {
    const { nodes, nodeIndexes } = this.#options;
    const underlay = nodes.get(cluster, node)?.underlay;
    return underlay && nodeIndexes.find(underlay);
  }
}
