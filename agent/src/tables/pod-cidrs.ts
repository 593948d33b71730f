import type { Random } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import { PrefixMap } from './prefix-map.ts';

/** One cluster's claim to a range of addresses. */
interface Claim {
  readonly prefix: Prefix;
  readonly clusterId: number;
  /** Its nodes that make it, in order of arrival. */
  readonly nodes: Set<string>;
  /** The claim that is in the way; `undefined`: it is held. */
  by: Claim | undefined;
  /** Claims that this one is in the way of, in order of arrival. */
  readonly blocks: Set<Claim>;
}

/** A range that one cluster claims and another one holds. */
export interface CidrConflict {
  readonly prefix: Prefix;
  readonly clusterId: number;
  readonly holderId: number;
  readonly held: Prefix;
}

/** The node that a cluster holds a range by, the first one; `undefined` when it holds it no more. */
export type OnHolder = (prefix: Prefix, clusterId: number, node: string | undefined) => void;

/**
 * Whose addresses are whose, by the pod CIDRs of nodes: a range belongs to one cluster. Of overlapping claims of two
 * clusters ours is held, then the first; one that loses is held as soon as what is in its way is gone (ADR 117).
 */
export class PodCidrs {
  readonly #onHolder: OnHolder;
  readonly #localClusterId: number;
  readonly #local: PrefixMap<Claim>;
  readonly #remote: PrefixMap<Claim>;
  readonly #claims = new Map<string, Claim>();
  readonly #lost = new Set<Claim>();
  readonly #counts = new Map<number, number>();

  constructor(random: Random, localClusterId: number, onHolder: OnHolder = () => undefined) {
    this.#onHolder = onHolder;
    this.#localClusterId = localClusterId;
    this.#local = new PrefixMap(random);
    this.#remote = new PrefixMap(random);
  }

  /** How many ranges the cluster claims, held or not. */
  count(clusterId: number): number {
    return this.#counts.get(clusterId) ?? 0;
  }

  claim(prefix: Prefix, clusterId: number, node: string): void {
    const key = claimKey(prefix, clusterId);
    const known = this.#claims.get(key);
    if (known !== undefined) {
      known.nodes.add(node);
      return;
    }
    const claim = { prefix, clusterId, nodes: new Set([node]), by: undefined, blocks: new Set<Claim>() };
    this.#claims.set(key, claim);
    this.#counts.set(clusterId, this.count(clusterId) + 1);
    this.#place(claim);
  }

  release(prefix: Prefix, clusterId: number, node: string): void {
    const key = claimKey(prefix, clusterId);
    const claim = this.#claims.get(key);
    const [first] = claim?.nodes ?? [];
    if (claim?.nodes.delete(node) !== true) return;
    if (claim.nodes.size > 0) {
      if (node === first && claim.by === undefined) this.#tellHolder(claim);
      return;
    }
    this.#claims.delete(key);
    this.#counts.set(clusterId, this.count(clusterId) - 1);
    this.#lost.delete(claim);
    if (claim.by !== undefined) {
      claim.by.blocks.delete(claim);
      return;
    }
    this.#holders(claim).delete(prefix);
    this.#tellHolder(claim);
    for (const waiting of claim.blocks) this.#place(waiting);
  }

  /** Who holds the prefix is told once more, if this cluster does. */
  tellAgain(prefix: Prefix, clusterId: number): void {
    const claim = this.#claims.get(claimKey(prefix, clusterId));
    if (claim !== undefined && claim.by === undefined) this.#tellHolder(claim);
  }

  /** The cluster in whose range the address lies, if any. */
  owner(address: Uint8Array): number | undefined {
    return (this.#local.longest(address) ?? this.#remote.longest(address))?.clusterId;
  }

  /** Does the prefix, of 128 bits an address, have anything in common with our own ranges? */
  touchesLocal(prefix: Prefix): boolean {
    if (this.#local.longest(prefix.address, prefix.bits) !== undefined) return true;
    return prefix.bits < 128 && this.#local.overlapping(prefix).next().done !== true;
  }

  *conflicts(): Generator<CidrConflict> {
    for (const { prefix, clusterId, by } of this.#lost) {
      if (by !== undefined) yield { prefix, clusterId, holderId: by.clusterId, held: by.prefix };
    }
  }

  #place(claim: Claim): void {
    const isOurs = claim.clusterId === this.#localClusterId;
    claim.by = isOurs ? undefined : this.#inTheWayOf(claim);
    if (claim.by === undefined) {
      this.#lost.delete(claim);
      this.#holders(claim).set(claim.prefix, claim);
      if (isOurs) this.#evict(claim);
      this.#tellHolder(claim);
      return;
    }
    claim.by.blocks.add(claim);
    this.#lost.add(claim);
  }

  #inTheWayOf({ prefix, clusterId }: Claim): Claim | undefined {
    for (const held of this.#local.overlapping(prefix)) return held;
    for (const held of this.#remote.overlapping(prefix)) if (held.clusterId !== clusterId) return held;
    return undefined;
  }

  /** Ours goes before all others. */
  #evict(claim: Claim): void {
    for (const held of [...this.#remote.overlapping(claim.prefix)]) {
      this.#remote.delete(held.prefix);
      held.by = claim;
      claim.blocks.add(held);
      this.#lost.add(held);
      this.#tellHolder(held);
      const waiting = [...held.blocks];
      held.blocks.clear();
      for (const one of waiting) this.#place(one);
    }
  }

  #tellHolder({ prefix, clusterId, nodes, by }: Claim): void {
    const [first] = nodes;
    this.#onHolder(prefix, clusterId, by === undefined ? first : undefined);
  }

  #holders({ clusterId }: Claim): PrefixMap<Claim> {
    return clusterId === this.#localClusterId ? this.#local : this.#remote;
  }
}

function claimKey({ address, bits }: Prefix, clusterId: number): string {
  return `${keyText(address)}/${bits}/${clusterId}`;
}
