import type { Random } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';
import { healthIdentity, hostIdentity, ingressIdentity, remoteNodeIdentity } from '@clustermesh/wire';

import type { NodeIndexes } from '../datapath/addresses/node-indexes.ts';
import { noClaimant } from './ipcache-claims.ts';
import type { IpcacheTable } from './ipcache-table.ts';
import { PrefixMap } from './prefix-map.ts';

export const kubeApiserverIdentity = 7;

/** Who stands at an address that is a node's: ourselves before the API server, that before another node. */
const precedence: readonly number[] = [
  hostIdentity,
  kubeApiserverIdentity,
  remoteNodeIdentity,
  ingressIdentity,
  healthIdentity,
];
/** A node's proxy and its health endpoint have addresses like those of pods: the tunnel leads there. */
const insideNodes: ReadonlySet<number | undefined> = new Set([ingressIdentity, healthIdentity, undefined]);

/**
 * Who says what of an address: a source and the place of an identity in `precedence`, as one number; where there are
 * several, places by source.
 */
type Hosts = number | Map<number, number>;

/** More than there are places. */
const placesPerSource = 8;

export interface OwnClaimsOptions {
  readonly random: Random;
  readonly ipcache: Pick<IpcacheTable, 'upsert' | 'remove'>;
  readonly nodeIndexes: Pick<NodeIndexes, 'retain' | 'release'>;
}

/**
 * What this agent says of addresses by itself: which are nodes', and in which network of a policy they lie. It counts where
 * no cluster claims the address, or claims it as part of the world; packets still go where its pod CIDR leads.
 */
export class OwnClaims {
  readonly #options: OwnClaimsOptions;
  readonly #hosts: PrefixMap<Hosts>;
  /** Identities of networks that policies name. */
  readonly #networks: PrefixMap<number>;
  /** Indexes of nodes by pod CIDRs of other clusters: each lies in the narrowest network around it. */
  readonly #ways: PrefixMap<number>;

  constructor(options: OwnClaimsOptions) {
    this.#options = options;
    this.#hosts = new PrefixMap(options.random);
    this.#networks = new PrefixMap(options.random);
    this.#ways = new PrefixMap(options.random);
  }

  /** `undefined`: no policy names it any more. */
  setNetwork(prefix: Prefix, identity: number | undefined): void {
    if (identity === undefined) this.#networks.delete(prefix);
    else this.#networks.set(prefix, identity);
    this.#apply(prefix);
    for (const way of [...this.#ways.overlapping(prefix)]) if (way.prefix.bits > prefix.bits) this.#apply(way.prefix);
  }

  /** `source`: who says so, by number; `undefined`: the source says nothing of the address any more. */
  setHost(source: number, prefix: Prefix, identity: number | undefined): void {
    const before = this.#hosts.get(prefix);
    const hosts = withHost(before, source, identity);
    if (hosts === before && typeof hosts === 'number') return;
    if (hosts === undefined) this.#hosts.delete(prefix);
    else this.#hosts.set(prefix, hosts);
    this.#apply(prefix);
  }

  /** Addresses of this network are behind that node; 0: nobody knows. */
  setWay(prefix: Prefix, nodeIndex: number): void {
    if (nodeIndex === 0) this.#ways.delete(prefix);
    else this.#ways.set(prefix, nodeIndex);
    this.#apply(prefix);
    for (const inside of [...this.#networks.overlapping(prefix), ...this.#hosts.overlapping(prefix)]) {
      if (inside.prefix.bits > prefix.bits) this.#apply(inside.prefix);
    }
  }

  #apply(prefix: Prefix): void {
    const { ipcache, nodeIndexes } = this.#options;
    const { address, bits } = prefix;
    const host = firstOf(this.#hosts.get(prefix));
    const identity = host ?? this.#networkIdentity(prefix);
    if (identity === undefined) {
      nodeIndexes.release(ipcache.remove(address, bits, noClaimant)?.nodeIndex ?? 0);
      return;
    }
    const nodeIndex = insideNodes.has(host) ? (this.#ways.longest(address, bits) ?? 0) : 0;
    nodeIndexes.retain(nodeIndex);
    const before = ipcache.upsert(address, bits, { clusterId: noClaimant, identity, nodeIndex });
    nodeIndexes.release(before?.nodeIndex ?? 0);
  }

  /** Of a network itself, and of a pod CIDR in one. */
  #networkIdentity(prefix: Prefix): number | undefined {
    const around = this.#networks.around(prefix);
    const isSaid = around?.prefix.bits === prefix.bits || this.#ways.get(prefix) !== undefined;
    return isSaid ? around?.value : undefined;
  }
}

/** The one that goes before the others. */
function firstOf(hosts: Hosts | undefined): number | undefined {
  if (hosts === undefined) return undefined;
  return precedence[typeof hosts === 'number' ? hosts % placesPerSource : Math.min(...hosts.values())];
}

function withHost(hosts: Hosts | undefined, source: number, identity: number | undefined): Hosts | undefined {
  const place = identity === undefined ? -1 : precedence.indexOf(identity);
  const isOnly = hosts === undefined || (typeof hosts === 'number' && Math.floor(hosts / placesPerSource) === source);
  if (isOnly) return place < 0 ? undefined : source * placesPerSource + place;
  if (typeof hosts === 'number' && place < 0) return hosts;
  const all =
    typeof hosts === 'number' ? new Map([[Math.floor(hosts / placesPerSource), hosts % placesPerSource]]) : hosts;
  if (place < 0) all.delete(source);
  else all.set(source, place);
  return all.size === 0 ? undefined : all;
}
