import type { Random } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';
import { hostIdentity, remoteNodeIdentity } from '@clustermesh/wire';

import type { NodeIndexes } from '../datapath/node-indexes.ts';
import { noClaimant } from './ipcache-claims.ts';
import type { IpcacheTable } from './ipcache-table.ts';
import { PrefixMap } from './prefix-map.ts';

export const kubeApiserverIdentity = 7;

/** Who stands at an address that is a node's: ourselves before the API server, that before another node. */
const precedence: readonly number[] = [hostIdentity, kubeApiserverIdentity, remoteNodeIdentity];

interface OwnClaim {
  readonly prefix: Prefix;
  /** Identity of the network, where policies name it. */
  network: number | undefined;
  /** By who says so: what is at the address. */
  readonly hosts: Map<string, number>;
}

interface Way {
  readonly prefix: Prefix;
  readonly nodeIndex: number;
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
  readonly #claims: PrefixMap<OwnClaim>;
  /** Pod CIDRs of other clusters. */
  readonly #ways: PrefixMap<Way>;

  constructor(options: OwnClaimsOptions) {
    this.#options = options;
    this.#claims = new PrefixMap(options.random);
    this.#ways = new PrefixMap(options.random);
  }

  /** `undefined`: no policy names it any more. */
  setNetwork(prefix: Prefix, identity: number | undefined): void {
    const claim = this.#claimOf(prefix);
    claim.network = identity;
    this.#apply(claim);
  }

  /** `undefined`: the source says nothing of the address any more. */
  setHost(source: string, prefix: Prefix, identity: number | undefined): void {
    const claim = this.#claimOf(prefix);
    if (identity === undefined) claim.hosts.delete(source);
    else claim.hosts.set(source, identity);
    this.#apply(claim);
  }

  /** Addresses of this network are behind that node; 0: nobody knows. */
  setWay(prefix: Prefix, nodeIndex: number): void {
    if (nodeIndex === 0) this.#ways.delete(prefix);
    else this.#ways.set(prefix, { prefix, nodeIndex });
    for (const claim of [...this.#claims.overlapping(prefix)]) if (claim.prefix.bits >= prefix.bits) this.#apply(claim);
  }

  #claimOf(prefix: Prefix): OwnClaim {
    const known = this.#claims.longest(prefix.address, prefix.bits);
    return known?.prefix.bits === prefix.bits ? known : { prefix, network: undefined, hosts: new Map() };
  }

  #apply(claim: OwnClaim): void {
    const { ipcache, nodeIndexes } = this.#options;
    const { prefix, network, hosts } = claim;
    const host = precedence.find((each) => [...hosts.values()].includes(each));
    const identity = host ?? network;
    if (identity === undefined) {
      this.#claims.delete(prefix);
      nodeIndexes.release(ipcache.remove(prefix.address, prefix.bits, noClaimant)?.nodeIndex ?? 0);
      return;
    }
    this.#claims.set(prefix, claim);
    const nodeIndex = host === undefined ? (this.#ways.longest(prefix.address, prefix.bits)?.nodeIndex ?? 0) : 0;
    nodeIndexes.retain(nodeIndex);
    const before = ipcache.upsert(prefix.address, prefix.bits, { clusterId: noClaimant, identity, nodeIndex });
    nodeIndexes.release(before?.nodeIndex ?? 0);
  }
}
