import type { Random } from '@clustermesh/runtime';
import { hostIdentity, isClusterIndependent, remoteNodeIdentity } from '@clustermesh/wire';
import type { IpEntry, LabelArray, MeshNode, Prefix } from '@clustermesh/wire';
import { zoneLabel } from '@clustermesh/select';

import type { NodeIndexes } from '../datapath/addresses/node-indexes.ts';
import { keyText } from '../maps/address.ts';
import { BackendPaths } from './backend-paths.ts';
import { ClusterClaims } from './cluster-claims.ts';
import { Column } from './column.ts';
import { EntryPorts } from './entry-ports.ts';
import { IdentityTable } from './identity-table.ts';
import { IpcacheTable } from './ipcache-table.ts';
import { OwnClaims, kubeApiserverIdentity } from './own-claims.ts';
import { NetworkShares } from './network-shares.ts';
import { NodeTable, hostClaims, podPrefixes } from './node-table.ts';
import type { NodeRow } from './node-table.ts';
import type { HostClaim } from './packed-node.ts';
import { ServiceTable } from './service-table.ts';

export interface MeshStateOptions {
  readonly random: Random;
  /** Room in the map of networks. */
  readonly networks: number;
  readonly localClusterId: number;
  /** Name of this node in our own cluster. */
  readonly nodeName?: string;
  readonly nodeIndexes: NodeIndexes;
  /** Something wants programming. Cheap, and called often. */
  readonly onChange: () => void;
  readonly monotonicMs: () => number;
  /**
   * An identity came, changed or went. Addresses have it only once `identitySettled` answers, when policy has done what it
   * has to; at once where nobody listens.
   */
  readonly onIdentity?: (identity: number) => void;
  /** What probes found, also those of an agent before us: backends have no path from the start (I7). */
  readonly isUnreachable?: (nodeIndex: number, underlay: Uint8Array) => boolean;
}

/** So many rows are looked at in a few milliseconds. */
const reconsideredRows = 16_384;

/** Numbers of nodes begin at 1. */
const apiserverSource = 0;

const noRoomForNode = 'no room for its node in the node map';

/** Whose entry it is: its source cluster's number (I5). */
type ClusterId = number;

/** All tables, kept consistent with each other: identities before the addresses that wait for them, nodes before both. */
export class MeshState {
  readonly identities = new IdentityTable();
  /** Of the pods of each identity, as entries tell them. */
  readonly ports: EntryPorts;
  readonly nodes: NodeTable;
  readonly ipcache: IpcacheTable;
  readonly services: ServiceTable;
  readonly nodeIndexes: NodeIndexes;
  readonly paths: BackendPaths;
  readonly #localClusterId: number;
  readonly #nodeName: string | undefined;
  readonly #ownClaims: OwnClaims;
  readonly #clusterClaims: ClusterClaims;
  #apiservers: readonly Prefix[] = [];
  readonly #networkShares: NetworkShares;
  readonly #onChange: () => void;
  readonly #onIdentity: (identity: number) => void;
  readonly #monotonicMs: () => number;
  readonly #isUnreachable: (nodeIndex: number, underlay: Uint8Array) => boolean;
  /** By the number of a node: the index that it refers to itself; 0: none. */
  readonly #indexes = new Column(Uint32Array);
  #addressesSinceMs: number | undefined;

  constructor(options: MeshStateOptions) {
    this.nodeIndexes = options.nodeIndexes;
    this.#localClusterId = options.localClusterId;
    this.#nodeName = options.nodeName;
    this.#networkShares = new NetworkShares(options.networks);
    this.#onChange = options.onChange;
    this.#onIdentity = options.onIdentity ?? ((identity) => this.identitySettled(identity));
    this.#monotonicMs = options.monotonicMs;
    this.ports = new EntryPorts(options.random);
    this.#isUnreachable = options.isUnreachable ?? (() => false);
    this.nodes = new NodeTable(options.random, options.localClusterId, (...range) => this.#setFallback(...range));
    this.ipcache = new IpcacheTable({
      random: options.random,
      localClusterId: options.localClusterId,
      ranges: this.nodes,
      isIdentityKnown: (identity) => this.identities.isSettled(identity),
      onWay: (address) => this.paths.addressChanged(address),
    });
    this.#ownClaims = new OwnClaims({ ...options, ipcache: this.ipcache });
    this.#clusterClaims = new ClusterClaims({ ...options, ipcache: this.ipcache });
    this.paths = new BackendPaths({
      ...options,
      ipcache: this.ipcache,
      nodes: this.nodes,
      touch: (service, addresses) => this.services.touch(service, addresses),
    });
    this.services = new ServiceTable({ ...options, paths: this.paths });
  }

  upsertIdentity(clusterId: ClusterId, identity: number, labels: LabelArray): void {
    this.identities.upsert({ identity, clusterId, labels });
    this.#onIdentity(identity);
  }

  removeIdentity(identity: number): void {
    this.identities.remove(identity);
    this.#onIdentity(identity);
  }

  /** Addresses may have this identity from now on. */
  identitySettled(identity: number): void {
    this.identities.settle(identity);
    if (!this.identities.isSettled(identity)) return;
    this.ipcache.identityKnown(identity);
    this.#addressesChanged();
  }

  /** The reason why there is no room for it, if any. Without room for its address, what else it says counts all the same. */
  upsertNode(clusterId: ClusterId, node: MeshNode): string | undefined {
    if (!this.#hasRoomForRanges(clusterId, node)) return 'no room for its pod CIDRs in the map of networks';
    const { before, row, changesRanges } = this.nodes.upsert(clusterId, node);
    const index = row.underlay && this.nodeIndexes.acquire(row.underlay, clusterId);
    const hadIndex = this.#referTo(row.number, index);
    if (before !== undefined && !hadIndex && index !== undefined) this.nodes.tellHolders(row);
    const isUnreachable = row.underlay !== undefined && index !== undefined && this.#isUnreachable(index, row.underlay);
    this.paths.setNodeReachable(node.cluster, node.name, !isUnreachable);
    if (changesRanges) this.#rangesChanged(clusterId);
    if (clusterId === this.#localClusterId && node.name === this.#nodeName) {
      this.services.setZone(node.labels?.[zoneLabel] ?? '');
    }
    this.#setHosts(before, row);
    this.paths.nodeChanged(node.cluster, node.name, changesRanges);
    return row.underlay !== undefined && index === undefined ? noRoomForNode : undefined;
  }

  removeNode(cluster: string, name: string): void {
    const row = this.nodes.remove(cluster, name);
    this.paths.setNodeReachable(cluster, name, true);
    if (row !== undefined) {
      this.#referTo(row.number, undefined);
      this.#rangesChanged(row.clusterId);
      this.#setHosts(row, undefined);
    }
    this.paths.nodeChanged(cluster, name, row !== undefined);
  }

  /** A network that policies name has this identity where nobody claims an address of it; `undefined`: none any more. */
  setNetwork(prefix: Prefix, identity: number | undefined): void {
    this.#ownClaims.setNetwork(prefix, identity);
    this.#addressesChanged();
  }

  /** Is the network in the map with this identity? */
  hasIdentity({ address, bits }: Prefix, identity: number): boolean {
    return this.ipcache.programmedIdentity(address, bits) === identity;
  }

  /** Where our cluster's API server is. */
  setApiservers(addresses: readonly Prefix[]): void {
    for (const prefix of this.#apiservers) this.#ownClaims.setHost(apiserverSource, prefix, undefined);
    for (const prefix of addresses) this.#ownClaims.setHost(apiserverSource, prefix, kubeApiserverIdentity);
    this.#apiservers = addresses;
    this.#addressesChanged();
  }

  /** The reason why the entry cannot be taken, if any. Keeps nothing of its bytes. */
  upsertIp(clusterId: ClusterId, entry: IpEntry): string | undefined {
    const isLocal = clusterId === this.#localClusterId;
    const nodeIndex = entry.host === undefined ? 0 : this.nodeIndexes.acquire(entry.host, clusterId);
    if (nodeIndex === undefined) return noRoomForNode;
    if (!isLocal && !this.#networkShares.take(clusterId, entry)) {
      this.nodeIndexes.release(nodeIndex);
      return 'no room in the map of networks';
    }
    // From here another cluster's host is a remote node (protocol.md §8.7), and none of its nodes serves our Kubernetes API.
    const isRemoteHost = (entry.id === hostIdentity || entry.id === kubeApiserverIdentity) && !isLocal;
    const identity = isRemoteHost ? remoteNodeIdentity : entry.id;
    this.#clusterClaims.setEntry(entry, { clusterId, identity, nodeIndex });
    // Of a host's ports policies know nothing: it is many things at once.
    const ports = isClusterIndependent(identity) ? [] : entry.namedPorts;
    for (const changed of this.ports.set(clusterId, entry, identity, ports)) this.#onIdentity(changed);
    this.#addressesChanged();
    return undefined;
  }

  removeIp(clusterId: ClusterId, prefix: Prefix): void {
    this.#clusterClaims.removeEntry(prefix, clusterId);
    this.#networkShares.giveBack(clusterId, prefix);
    for (const changed of this.ports.delete(clusterId, prefix)) this.#onIdentity(changed);
    this.#addressesChanged();
  }

  /** Might there be room for what `upsertIp` did not take? */
  hasRoomForIps(clusterId: ClusterId): boolean {
    return this.nodeIndexes.hasRoom(clusterId) && this.#networkShares.hasRoom(clusterId);
  }

  /** Might there be room for what `upsertNode` did not take? */
  hasRoomForNodes(clusterId: ClusterId): boolean {
    return (
      this.nodeIndexes.hasRoom(clusterId) && this.#networkShares.allowsRanges(this.nodes.rangeCount(clusterId) + 1)
    );
  }

  /** Does the node answer over the data path? Backends behind one that does not are used only where there are no others. */
  setNodeReachable(cluster: string, node: string, isReachable: boolean): void {
    this.paths.setNodeReachable(cluster, node, isReachable);
  }

  /** Something wants programming. */
  changed(): void {
    this.#onChange();
  }

  /** Monotonic: when the oldest change of an address came in since this was last asked. */
  takeAddressesSinceMs(): number | undefined {
    const sinceMs = this.#addressesSinceMs;
    this.#addressesSinceMs = undefined;
    return sinceMs;
  }

  #addressesChanged(): void {
    if (!this.ipcache.hasChanges) return;
    this.#addressesSinceMs ??= this.#monotonicMs();
    this.#onChange();
  }

  /** What changes of nodes and their ranges mean for others: for some of the addresses, and for services. */
  reconsider(): void {
    this.ipcache.reconsider(reconsideredRows);
    this.paths.applyTurns();
    this.#addressesChanged();
  }

  /**
   * Of an address in another cluster's range of which that cluster tells nothing we know at least the node: it is part
   * of the world, as Cilium has it (ADR 118).
   */
  #setFallback(prefix: Prefix, clusterId: ClusterId, node: number | undefined): void {
    if (clusterId === this.#localClusterId) return;
    const underlay = node === undefined ? undefined : this.nodes.underlay(node);
    const nodeIndex = underlay && this.nodeIndexes.acquire(underlay, clusterId);
    this.#clusterClaims.setRange(prefix, clusterId, nodeIndex ?? 0);
    this.#ownClaims.setWay(prefix, nodeIndex ?? 0);
    this.#addressesChanged();
  }

  /** A node's own addresses: what is there is no pod (protocol.md §8.9). */
  #setHosts(before: NodeRow | undefined, after: NodeRow | undefined): void {
    const row = after ?? before;
    if (row === undefined) return;
    const wanted = new Map(this.#hostsOf(after).map((one) => [keyText(one.prefix.address), one]));
    for (const { prefix } of this.#hostsOf(before)) {
      if (!wanted.has(keyText(prefix.address))) this.#ownClaims.setHost(row.number, prefix, undefined);
    }
    for (const { prefix, identity } of wanted.values()) {
      // No cluster says what is in a range of another one.
      const isForeign = this.#isForeign(row.clusterId, prefix, identity);
      this.#ownClaims.setHost(row.number, prefix, isForeign ? undefined : identity);
    }
    this.#addressesChanged();
  }

  #hostsOf(row: NodeRow | undefined): readonly HostClaim[] {
    if (row === undefined) return [];
    const isOurs = row.clusterId === this.#localClusterId;
    return hostClaims(row, isOurs && row.name === this.#nodeName ? hostIdentity : remoteNodeIdentity);
  }

  #isForeign(clusterId: ClusterId, prefix: Prefix, identity: number): boolean {
    if (clusterId === this.#localClusterId) return false;
    if (identity === remoteNodeIdentity) return this.nodes.touchesLocal(prefix);
    return (this.nodes.owner(prefix.address) ?? clusterId) !== clusterId;
  }

  #hasRoomForRanges(clusterId: ClusterId, node: MeshNode): boolean {
    if (clusterId === this.#localClusterId) return true;
    const known = this.nodes.get(node.cluster, node.name);
    const more = podPrefixes(node).length - (known === undefined ? 0 : known.podCidrs.length);
    return more <= 0 || this.#networkShares.allowsRanges(this.nodes.rangeCount(clusterId) + more);
  }

  #rangesChanged(clusterId: ClusterId): void {
    this.ipcache.rangesChanged(clusterId === this.#localClusterId);
    this.#onChange();
  }

  /** The node refers to this index from now on, and to no other; false when it referred to none. */
  #referTo(node: number, index: number | undefined): boolean {
    const before = this.#indexes.get(node);
    this.#indexes.set(node, index ?? 0);
    this.nodeIndexes.release(before);
    return before !== 0;
  }
}
