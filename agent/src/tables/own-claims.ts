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

interface OwnClaim {
  readonly prefix: Prefix;
  /** By who says so: what is at the address. */
  readonly hosts: Map<string, number>;
}

interface Way {
  readonly prefix: Prefix;
  readonly nodeIndex: number;
}

interface NamedNetwork {
  readonly prefix: Prefix;
  readonly identity: number;
}

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
  readonly #hosts: PrefixMap<OwnClaim>;
  /** Networks that policies name. */
  readonly #networks: PrefixMap<NamedNetwork>;
  /** Pod CIDRs of other clusters: each lies in the narrowest network around it. */
  readonly #ways: PrefixMap<Way>;

  constructor(options: OwnClaimsOptions) {
    this.#options = options;
    this.#hosts = new PrefixMap(options.random);
    this.#networks = new PrefixMap(options.random);
    this.#ways = new PrefixMap(options.random);
  }

  /** `undefined`: no policy names it any more. */
  setNetwork(prefix: Prefix, identity: number | undefined): void {
    if (identity === undefined) this.#networks.delete(prefix);
    else this.#networks.set(prefix, { prefix, identity });
    this.#apply(prefix);
    for (const way of [...this.#ways.overlapping(prefix)]) if (way.prefix.bits > prefix.bits) this.#apply(way.prefix);
  }

  /** `undefined`: the source says nothing of the address any more. */
  setHost(source: string, prefix: Prefix, identity: number | undefined): void {
    const claim = at(this.#hosts, prefix) ?? { prefix, hosts: new Map<string, number>() };
    if (identity === undefined) claim.hosts.delete(source);
    else claim.hosts.set(source, identity);
    if (claim.hosts.size === 0) this.#hosts.delete(prefix);
    else this.#hosts.set(prefix, claim);
    this.#apply(prefix);
  }

  /** Addresses of this network are behind that node; 0: nobody knows. */
  setWay(prefix: Prefix, nodeIndex: number): void {
    if (nodeIndex === 0) this.#ways.delete(prefix);
    else this.#ways.set(prefix, { prefix, nodeIndex });
    this.#apply(prefix);
    for (const inside of [...this.#networks.overlapping(prefix), ...this.#hosts.overlapping(prefix)]) {
      if (inside.prefix.bits > prefix.bits) this.#apply(inside.prefix);
    }
  }

  #apply(prefix: Prefix): void {
    const { ipcache, nodeIndexes } = this.#options;
    const { address, bits } = prefix;
    const hosts = [...(at(this.#hosts, prefix)?.hosts.values() ?? [])];
    const host = precedence.find((each) => hosts.includes(each));
    const identity = host ?? this.#networkIdentity(prefix);
    if (identity === undefined) {
      nodeIndexes.release(ipcache.remove(address, bits, noClaimant)?.nodeIndex ?? 0);
      return;
    }
    const nodeIndex = insideNodes.has(host) ? (this.#ways.longest(address, bits)?.nodeIndex ?? 0) : 0;
    nodeIndexes.retain(nodeIndex);
    const before = ipcache.upsert(address, bits, { clusterId: noClaimant, identity, nodeIndex });
    nodeIndexes.release(before?.nodeIndex ?? 0);
  }

  /** Of a network itself, and of a pod CIDR in one. */
  #networkIdentity(prefix: Prefix): number | undefined {
    const around = this.#networks.longest(prefix.address, prefix.bits);
    const isSaid = around?.prefix.bits === prefix.bits || at(this.#ways, prefix) !== undefined;
    return isSaid ? around?.identity : undefined;
  }
}

/** Of exactly this prefix. */
function at<T extends { readonly prefix: Prefix }>(map: PrefixMap<T>, { address, bits }: Prefix): T | undefined {
  const found = map.longest(address, bits);
  return found?.prefix.bits === bits ? found : undefined;
}
