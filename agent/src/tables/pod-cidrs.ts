import type { Random } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';

import { PrefixMap } from './prefix-map.ts';

/** One cluster's claim to a range of addresses. */
interface Claim {
  readonly clusterId: number;
  /** Its node that makes it, by number; where several do, all of them in order of arrival. */
  nodes: number | Set<number>;
  /** The claim that is in the way; `undefined`: it is held. */
  by: PlacedClaim | undefined;
  /** Claims that this one is in the way of, in order of arrival; mostly there are none. */
  blocks: Map<Claim, Prefix> | undefined;
  /** Another cluster's claim to the same range. */
  next: Claim | undefined;
}

interface PlacedClaim {
  readonly prefix: Prefix;
  readonly claim: Claim;
}

/** A range that one cluster claims and another one holds. */
export interface CidrConflict {
  readonly prefix: Prefix;
  readonly clusterId: number;
  readonly holderId: number;
  readonly held: Prefix;
}

/** The node that a cluster holds a range by, the first one; `undefined` when it holds it no more. */
export type OnHolder = (prefix: Prefix, clusterId: number, node: number | undefined) => void;

/**
 * Whose addresses are whose, by the pod CIDRs of nodes: a range belongs to one cluster. Of overlapping claims of two
 * clusters ours is held, then the first; one that loses is held as soon as what is in its way is gone (ADR 117).
 */
export class PodCidrs {
  readonly #onHolder: OnHolder;
  readonly #localClusterId: number;
  /** All of them, held or not: of each range the first of a chain. */
  readonly #claims: PrefixMap<Claim>;
  readonly #local: PrefixMap<Claim>;
  readonly #remote: PrefixMap<Claim>;
  readonly #lost = new Map<Claim, Prefix>();
  readonly #counts = new Map<number, number>();

  constructor(random: Random, localClusterId: number, onHolder: OnHolder = () => undefined) {
    this.#onHolder = onHolder;
    this.#localClusterId = localClusterId;
    this.#claims = new PrefixMap(random);
    this.#local = new PrefixMap(random);
    this.#remote = new PrefixMap(random);
  }

  /** How many ranges the cluster claims, held or not. */
  count(clusterId: number): number {
    return this.#counts.get(clusterId) ?? 0;
  }

  claim(prefix: Prefix, clusterId: number, node: number): void {
    const known = this.#find(prefix, clusterId);
    if (known !== undefined) {
      addNode(known, node);
      return;
    }
    const next = this.#claims.get(prefix);
    const claim = { clusterId, nodes: node, by: undefined, blocks: undefined, next };
    this.#claims.set(prefix, claim);
    this.#counts.set(clusterId, this.count(clusterId) + 1);
    this.#place(prefix, claim);
  }

  release(prefix: Prefix, clusterId: number, node: number): void {
    const claim = this.#find(prefix, clusterId);
    if (claim === undefined || !hasNode(claim, node)) return;
    const wasFirst = firstNode(claim) === node;
    if (removeNode(claim, node)) {
      if (wasFirst && claim.by === undefined) this.#tellHolder(prefix, claim);
      return;
    }
    this.#forget(prefix, claim);
    if (claim.by !== undefined) {
      claim.by.claim.blocks?.delete(claim);
      return;
    }
    this.#holders(claim).delete(prefix);
    this.#onHolder(prefix, clusterId, undefined);
    for (const [waiting, its] of claim.blocks ?? []) this.#place(its, waiting);
  }

  /** Who holds the prefix is told once more, if this cluster does. */
  tellAgain(prefix: Prefix, clusterId: number): void {
    const claim = this.#find(prefix, clusterId);
    if (claim !== undefined && claim.by === undefined) this.#tellHolder(prefix, claim);
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
    for (const [{ clusterId, by }, prefix] of this.#lost) {
      if (by !== undefined) yield { prefix, clusterId, holderId: by.claim.clusterId, held: by.prefix };
    }
  }

  #find(prefix: Prefix, clusterId: number): Claim | undefined {
    let claim = this.#claims.get(prefix);
    while (claim !== undefined && claim.clusterId !== clusterId) claim = claim.next;
    return claim;
  }

  #forget(prefix: Prefix, claim: Claim): void {
    this.#counts.set(claim.clusterId, this.count(claim.clusterId) - 1);
    this.#lost.delete(claim);
    const first = this.#claims.get(prefix);
    if (first === claim && claim.next === undefined) this.#claims.delete(prefix);
    else if (first === claim && claim.next !== undefined) this.#claims.set(prefix, claim.next);
    else {
      let before = first;
      while (before !== undefined && before.next !== claim) before = before.next;
      if (before !== undefined) before.next = claim.next;
    }
  }

  #place(prefix: Prefix, claim: Claim): void {
    const isOurs = claim.clusterId === this.#localClusterId;
    claim.by = isOurs ? undefined : this.#inTheWayOf(prefix, claim);
    if (claim.by === undefined) {
      this.#lost.delete(claim);
      this.#holders(claim).set(prefix, claim);
      if (isOurs) this.#evict(prefix, claim);
      this.#tellHolder(prefix, claim);
      return;
    }
    block(claim.by.claim, claim, prefix);
    this.#lost.set(claim, prefix);
  }

  #inTheWayOf(prefix: Prefix, { clusterId }: Claim): PlacedClaim | undefined {
    for (const held of this.#local.overlapping(prefix)) return { prefix: held.prefix, claim: held.value };
    for (const held of this.#remote.overlapping(prefix)) {
      if (held.value.clusterId !== clusterId) return { prefix: held.prefix, claim: held.value };
    }
    return undefined;
  }

  /** Ours goes before all others. */
  #evict(prefix: Prefix, claim: Claim): void {
    for (const { prefix: its, value: held } of [...this.#remote.overlapping(prefix)]) {
      this.#remote.delete(its);
      held.by = { prefix, claim };
      block(claim, held, its);
      this.#lost.set(held, its);
      this.#onHolder(its, held.clusterId, undefined);
      const waiting = [...(held.blocks ?? [])];
      held.blocks = undefined;
      for (const [one, range] of waiting) this.#place(range, one);
    }
  }

  #tellHolder(prefix: Prefix, claim: Claim): void {
    this.#onHolder(prefix, claim.clusterId, firstNode(claim));
  }

  #holders({ clusterId }: Claim): PrefixMap<Claim> {
    return clusterId === this.#localClusterId ? this.#local : this.#remote;
  }
}

function block(claim: Claim, waiting: Claim, prefix: Prefix): void {
  claim.blocks = (claim.blocks ?? new Map<Claim, Prefix>()).set(waiting, prefix);
}

function firstNode({ nodes }: Claim): number | undefined {
  return typeof nodes === 'number' ? nodes : nodes.values().next().value;
}

function hasNode({ nodes }: Claim, node: number): boolean {
  return typeof nodes === 'number' ? nodes === node : nodes.has(node);
}

function addNode(claim: Claim, node: number): void {
  if (hasNode(claim, node)) return;
  if (typeof claim.nodes === 'number') claim.nodes = new Set([claim.nodes, node]);
  else claim.nodes.add(node);
}

/** Of one that it has; false: it was the last. */
function removeNode(claim: Claim, node: number): boolean {
  if (typeof claim.nodes === 'number') return false;
  claim.nodes.delete(node);
  return claim.nodes.size > 0;
}
