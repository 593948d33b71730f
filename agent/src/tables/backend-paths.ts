import type { Random } from '@clustermesh/runtime';
import type { BackendPath, PublishedEndpoint } from '@clustermesh/select';
import { formatIp, parseIp } from '@clustermesh/wire';
import type { IpBytes } from '@clustermesh/wire';

import type { NodeIndexes } from '../datapath/addresses/node-indexes.ts';
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
  /** The service is to be looked at again, or only what is at some addresses. */
  readonly touch: (service: string, addresses?: ReadonlySet<string>) => void;
  /** `applyTurns` is to be called. */
  readonly onChange: () => void;
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
  /** Nodes that do not answer: by cluster, then by name, with the index that addresses refer to. */
  readonly #silent = new Map<string, Map<string, number | undefined>>();
  /** How many of them have an index: two may claim one underlay address. */
  readonly #silentByIndex = new Map<number, number>();
  /** Indexes whose services are to be looked at again. */
  readonly #turned = new Set<number>();

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

  hasForeign(service: string): boolean {
    return this.#foreign.has(service);
  }

  listed(service: string, before: readonly PublishedEndpoint[], after: readonly PublishedEndpoint[]): void {
    const [old, now] = [addressesOf(before), addressesOf(after)];
    for (const text of now) if (!old.has(text)) this.#list(text, service);
    for (const text of old) if (!now.has(text)) this.#unlist(text, service);
  }

  /** What the address table says of an address has changed. */
  addressChanged(address: Uint8Array): void {
    // Of the millions of addresses few are backends': the small table first.
    if (!this.#index.has(address)) return;
    const nodeIndex = this.#options.ipcache.way(address)?.nodeIndex ?? 0;
    const services = this.#index.moved(address, nodeIndex);
    if (services.length === 0) return;
    const addresses = new Set([formatIp(address)]);
    for (const service of services) this.#options.touch(service, addresses);
  }

  /** Which index the node has may have changed, and perhaps whose range an address lies in. */
  nodeChanged(cluster: string, node: string, changesRanges: boolean): void {
    const silent = this.#silent.get(cluster);
    if (silent?.has(node) === true) this.#setSilentIndex(silent, node, this.#indexOf(cluster, node));
    if (!changesRanges) return;
    const services = [...this.#unrouted];
    this.#unrouted.clear();
    for (const service of services) this.#options.touch(service);
  }

  setNodeReachable(cluster: string, node: string, isReachable: boolean): void {
    const silent = this.#silent.get(cluster) ?? new Map<string, number | undefined>();
    if (silent.has(node) === !isReachable) return;
    this.#setSilentIndex(silent, node, isReachable ? undefined : this.#indexOf(cluster, node));
    if (isReachable) silent.delete(node);
    if (silent.size === 0) this.#silent.delete(cluster);
    else this.#silent.set(cluster, silent);
  }

  /** Services behind nodes that have turned are looked at again. Thousands may turn at once: one search does for all. */
  applyTurns(): void {
    if (this.#turned.size === 0) return;
    for (const service of this.#index.behind(this.#turned)) this.#options.touch(service);
    this.#turned.clear();
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
    return way.isProgrammed && !this.#silentByIndex.has(way.nodeIndex) ? 'open' : 'missing';
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

  /** The node does not answer, and has this index now; `undefined`: none. */
  #setSilentIndex(silent: Map<string, number | undefined>, node: string, index: number | undefined): void {
    const before = silent.get(node);
    silent.set(node, index);
    if (before === index) return;
    this.#countSilent(before, -1);
    this.#countSilent(index, 1);
    this.#options.onChange();
  }

  #countSilent(index: number | undefined, change: number): void {
    if (index === undefined) return;
    const count = (this.#silentByIndex.get(index) ?? 0) + change;
    if (count === 0) this.#silentByIndex.delete(index);
    else this.#silentByIndex.set(index, count);
    this.#turned.add(index);
  }

  #indexOf(cluster: string, node: string): number | undefined {
    const { nodes, nodeIndexes } = this.#options;
    const underlay = nodes.get(cluster, node)?.underlay;
    return underlay && nodeIndexes.find(underlay);
  }
}

function addressesOf(endpoints: readonly PublishedEndpoint[]): ReadonlySet<string> {
  return new Set(endpoints.map(({ address }) => address));
}
