import type { Random } from '@clustermesh/runtime';

import { chooseClaim, noClaimant, refineClaim, withClaim } from './ipcache-claims.ts';
import type { IpcacheClaim, RangeOwners } from './ipcache-claims.ts';
import { LostClaims } from './lost-claims.ts';
import { PrefixIndex, grown, hostPrefix } from './prefix-index.ts';

/** What a row is, as bits of one byte. */
const flag = {
  /** Some cluster claims the address. */
  claimed: 1,
  /** The winner's identity is not known yet: the map must not show it (I2). */
  waiting: 2,
  /** The map holds it. */
  programmed: 4,
  /** It stands in the queue of rows to look at. */
  queued: 8,
} as const;

/**
 * In the map, of an address whose identity is not known yet: policy has for it what it has for anybody. Without an entry it
 * would be of the network around it, the world or one that policies name, and get more than it should.
 */
const unknownIdentity = 0;

export type IpcacheState = 'programmed' | 'waiting-for-identity' | 'pending' | 'restored';

export interface IpcacheRow {
  readonly address: Uint8Array;
  readonly prefixLength: number;
  readonly identity: number;
  readonly nodeIndex: number;
  readonly clusterId: number;
  readonly state: IpcacheState;
}

/** A claim on an address that another cluster holds, or that lies in a range of ours. */
export type LostClaim = IpcacheClaim & {
  readonly address: Uint8Array;
  readonly prefixLength: number;
  readonly holderId: number;
};

/** What the map shall hold for a row; `undefined` = nothing. */
export type IpcacheTarget = { readonly identity: number; readonly nodeIndex: number } | undefined;

export interface IpcacheTableOptions {
  readonly random: Random;
  readonly expectedRows?: number;
  readonly localClusterId: number;
  readonly ranges: RangeOwners;
  readonly isIdentityKnown: (identity: number) => boolean;
  /** What `way` says of a single address has changed. The bytes are valid during the call only. */
  readonly onWay?: (address: Uint8Array) => void;
}

/** How a single address is reached. */
export interface IpcacheWay {
  /** Whose it is; `undefined`: a predecessor's, and nobody claims it yet. */
  readonly clusterId: number | undefined;
  /** The map holds it. */
  readonly isProgrammed: boolean;
  /** As the map has it, else as it will be. */
  readonly nodeIndex: number;
}

/**
 * Addresses and prefixes with who they are and where: one row each, in columns, because three million of them is a
 * design case. Wanted state comes from claims, programmed state from the map; rows where they differ queue up.
 */
export class IpcacheTable {
  readonly #options: IpcacheTableOptions;
  readonly #index: PrefixIndex;
  #flags: Uint8Array;
  #clusters: Uint16Array;
  #identities: Uint32Array;
  #nodes: Uint32Array;
  #programmedIdentities: Uint32Array;
  #programmedNodes: Uint32Array;
  /** Only the rare rows with a claim that lost: all their claims in order of arrival. */
  readonly #contested = new Map<number, readonly IpcacheClaim[]>();
  readonly #waiting = new Map<number, Set<number>>();
  readonly #scratch = new Uint8Array(16);
  readonly #lost = new LostClaims();
  /** Rows whose winner is to be found again: so many, from this one on, in a circle. */
  #toReconsider = 0;
  #reconsidersAll = false;
  #reconsidered = 0;
  #queue: number[] = [];
  #programmedCount = 0;

  constructor(options: IpcacheTableOptions) {
    this.#options = options;
    this.#index = new PrefixIndex(options.random, options.expectedRows);
    const rows = this.#index.rowCapacity;
    this.#flags = new Uint8Array(rows);
    this.#clusters = new Uint16Array(rows);
    this.#identities = new Uint32Array(rows);
    this.#nodes = new Uint32Array(rows);
    this.#programmedIdentities = new Uint32Array(rows);
    this.#programmedNodes = new Uint32Array(rows);
  }

  get size(): number {
    return this.#index.size;
  }

  /** Entries in the map. */
  get programmedCount(): number {
    return this.#programmedCount;
  }

  get hasChanges(): boolean {
    return this.#queue.length > 0;
  }

  /** The claim of `clusterId` that stood before, if any. */
  upsert(address: Uint8Array, prefixLength: number, claim: IpcacheClaim): IpcacheClaim | undefined {
    const row = this.#index.insert(address, prefixLength);
    this.#makeRoom();
    const claims = this.#claimsOf(row);
    this.#setClaims(row, withClaim(claims, claim));
    return claims.find((other) => other.clusterId === claim.clusterId);
  }

  claimOf(address: Uint8Array, prefixLength: number, clusterId: number): IpcacheClaim | undefined {
    const row = this.#index.find(address, prefixLength);
    return row < 0 ? undefined : this.#claimsOf(row).find((claim) => claim.clusterId === clusterId);
  }

  /** Withdraws one cluster's claim and returns it. */
  remove(address: Uint8Array, prefixLength: number, clusterId: number): IpcacheClaim | undefined {
    const row = this.#index.find(address, prefixLength);
    if (row < 0) return undefined;
    const claims = this.#claimsOf(row);
    const claim = claims.find((other) => other.clusterId === clusterId);
    if (claim !== undefined)
      this.#setClaims(
        row,
        claims.filter((other) => other !== claim),
      );
    return claim;
  }

  /** Rows that waited for this identity go on. */
  identityKnown(identity: number): void {
    const rows = this.#waiting.get(identity);
    if (rows === undefined) return;
    this.#waiting.delete(identity);
    for (const row of rows) {
      this.#flags[row] = this.#flag(row) & ~flag.waiting;
      this.#enqueue(row);
    }
  }

  /**
   * Whose addresses are whose has changed: rows are to be decided again, by `reconsider`. Ranges of others decide
   * between several claims only; ours keep every other cluster out.
   */
  rangesChanged(areOurs: boolean): void {
    if (!areOurs && this.#contested.size === 0) return;
    this.#toReconsider = this.#index.rowCapacity;
    this.#reconsidersAll ||= areOurs;
  }

  get isReconsidering(): boolean {
    return this.#toReconsider > 0;
  }

  /** Looks at up to `limit` rows. One whose winner is the same costs next to nothing. */
  reconsider(limit: number): void {
    const end = Math.max(0, this.#toReconsider - limit);
    for (; this.#toReconsider > end; this.#toReconsider--) {
      this.#reconsidered = (this.#reconsidered + 1) % this.#index.rowCapacity;
      if (this.#reconsidersAll || this.#contested.has(this.#reconsidered)) this.#decideAgain(this.#reconsidered);
    }
    if (end === 0) this.#reconsidersAll = false;
  }

  /** Takes over what the map holds from a predecessor; nobody claims it yet. Returns its row, for `giveUp`. */
  restore(address: Uint8Array, prefixLength: number, identity: number, nodeIndex: number): number {
    const row = this.#index.insert(address, prefixLength);
    this.#makeRoom();
    this.#setProgrammed(row, { identity, nodeIndex });
    return row;
  }

  /** The restored row goes unless somebody claims it by now. */
  giveUp(row: number): void {
    if ((this.#flag(row) & (flag.claimed | flag.programmed)) === flag.programmed) this.#enqueue(row);
  }

  /** Up to `limit` rows whose map entry may differ from what is wanted. Report each back by `settled`, or later by `retry`. */
  takeChanges(limit: number): readonly number[] {
    // From the end: nothing depends on the order, and nothing has to move up.
    const taken = this.#queue.splice(Math.max(0, this.#queue.length - limit));
    for (const row of taken) this.#flags[row] = this.#flag(row) & ~flag.queued;
    return taken;
  }

  target(row: number): IpcacheTarget {
    if ((this.#flag(row) & flag.claimed) === 0) return undefined;
    const nodeIndex = this.#nodes[row] ?? 0;
    if ((this.#flag(row) & flag.waiting) === 0) return { identity: this.#identities[row] ?? 0, nodeIndex };
    // A programmed address whose new identity is not known yet keeps what it has (I7).
    const programmed = this.programmed(row);
    if (programmed !== undefined && programmed.identity !== unknownIdentity) return programmed;
    return { identity: unknownIdentity, nodeIndex };
  }

  programmed(row: number): IpcacheTarget {
    if ((this.#flag(row) & flag.programmed) === 0) return undefined;
    return { identity: this.#programmedIdentities[row] ?? 0, nodeIndex: this.#programmedNodes[row] ?? 0 };
  }

  /** The map now holds `target` for this row. */
  settled(row: number, target: IpcacheTarget): void {
    if (target !== undefined) {
      this.#setProgrammed(row, target);
      return;
    }
    if ((this.#flag(row) & flag.programmed) !== 0) this.#programmedCount--;
    this.#flags[row] = this.#flag(row) & ~flag.programmed;
    this.#tellWay(row);
    this.#forget(row);
  }

  /** The map did not take this row then: it queues again. */
  retry(row: number): void {
    if (this.#index.has(row)) this.#enqueue(row);
  }

  prefixLength(row: number): number {
    return this.#index.prefixLength(row);
  }

  copyAddress(row: number, target: Uint8Array, offset = 0): void {
    this.#index.copyAddress(row, target, offset);
  }

  /** What is known of exactly this prefix, visible yet or not. */
  find(address: Uint8Array, prefixLength: number): IpcacheRow | undefined {
    const row = this.#index.find(address, prefixLength);
    return row < 0 ? undefined : this.#row(row);
  }

  /** What the map says of exactly this prefix. */
  programmedIdentity(address: Uint8Array, prefixLength: number): number | undefined {
    const row = this.#index.find(address, prefixLength);
    return row < 0 ? undefined : this.programmed(row)?.identity;
  }

  /** `undefined` when nothing is known of the address itself. */
  way(address: Uint8Array): IpcacheWay | undefined {
    const row = this.#index.find(address, hostPrefix);
    if (row < 0) return undefined;
    const isClaimed = (this.#flag(row) & flag.claimed) !== 0;
    if (isClaimed && this.#clusters[row] === noClaimant) return undefined;
    const programmed = this.programmed(row);
    const isEnded = !isClaimed && (programmed === undefined || (this.#flag(row) & flag.queued) !== 0);
    if (isEnded) return undefined;
    return {
      clusterId: isClaimed ? (this.#clusters[row] ?? 0) : undefined,
      isProgrammed: programmed !== undefined && programmed.identity !== unknownIdentity,
      nodeIndex: programmed?.nodeIndex ?? this.#nodes[row] ?? 0,
    };
  }

  *rows(): IterableIterator<IpcacheRow> {
    for (const row of this.#index.rows()) {
      if ((this.#flag(row) & (flag.claimed | flag.programmed)) !== 0) yield this.#row(row);
    }
  }

  /** How many claims lost, by loser and by who holds the address. */
  get lost(): Pick<LostClaims, 'counts'> {
    return this.#lost;
  }

  /** Every claim that lost, with the address. */
  *conflicts(): IterableIterator<LostClaim> {
    for (const [row, claims] of this.#contested) {
      const address = this.#index.address(row);
      const prefixLength = this.#index.prefixLength(row);
      const holderId = this.#holderOf(row);
      for (const claim of claims) {
        if (claim.clusterId !== holderId && claim.clusterId !== noClaimant)
          yield { ...claim, address, prefixLength, holderId };
      }
    }
  }

  #setProgrammed(row: number, target: { readonly identity: number; readonly nodeIndex: number }): void {
    if ((this.#flag(row) & flag.programmed) === 0) this.#programmedCount++;
    this.#flags[row] = this.#flag(row) | flag.programmed;
    this.#programmedIdentities[row] = target.identity;
    this.#programmedNodes[row] = target.nodeIndex;
    this.#tellWay(row);
  }

  #tellWay(row: number): void {
    const { onWay } = this.#options;
    if (onWay === undefined || this.#index.prefixLength(row) !== hostPrefix) return;
    this.#index.copyAddress(row, this.#scratch);
    onWay(this.#scratch);
  }

  #row(row: number): IpcacheRow {
    const isClaimed = (this.#flag(row) & flag.claimed) !== 0;
    const programmed = this.programmed(row);
    const shown = isClaimed ? { identity: this.#identities[row] ?? 0, nodeIndex: this.#nodes[row] ?? 0 } : programmed;
    return {
      address: this.#index.address(row),
      prefixLength: this.#index.prefixLength(row),
      identity: shown?.identity ?? 0,
      nodeIndex: shown?.nodeIndex ?? 0,
      clusterId: isClaimed ? (this.#clusters[row] ?? 0) : 0,
      state: this.#state(row),
    };
  }

  #state(row: number): IpcacheState {
    const flags = this.#flag(row);
    if ((flags & flag.claimed) === 0) return 'restored';
    if ((flags & flag.waiting) !== 0) return 'waiting-for-identity';
    return (flags & flag.queued) === 0 && (flags & flag.programmed) !== 0 ? 'programmed' : 'pending';
  }

  #claimsOf(row: number): readonly IpcacheClaim[] {
    const contested = this.#contested.get(row);
    if (contested !== undefined) return contested;
    if ((this.#flag(row) & flag.claimed) === 0) return [];
    return [
      { clusterId: this.#clusters[row] ?? 0, identity: this.#identities[row] ?? 0, nodeIndex: this.#nodes[row] ?? 0 },
    ];
  }

  #setClaims(row: number, claims: readonly IpcacheClaim[]): void {
    const isClaimed = (this.#flag(row) & flag.claimed) !== 0;
    const holder = isClaimed ? this.#clusters[row] : undefined;
    this.#lost.forget(this.#contested.get(row), this.#holderOf(row));
    const winner = this.#winner(row, claims);
    if (claims.length > 1 || winner !== claims[0]) this.#contested.set(row, claims);
    else this.#contested.delete(row);
    this.#stopWaiting(row);
    if (winner === undefined) {
      this.#flags[row] = this.#flag(row) & ~flag.claimed;
    } else {
      this.#clusters[row] = winner.clusterId;
      this.#identities[row] = winner.identity;
      this.#nodes[row] = winner.nodeIndex;
      this.#flags[row] = this.#flag(row) | flag.claimed;
      if (!this.#options.isIdentityKnown(winner.identity)) this.#wait(row, winner.identity);
    }
    this.#lost.note(this.#contested.get(row), this.#holderOf(row));
    this.#enqueue(row);
    if (winner?.clusterId !== holder) this.#tellWay(row);
  }

  #winner(row: number, claims: readonly IpcacheClaim[]): IpcacheClaim | undefined {
    const own = claims.find(({ clusterId }) => clusterId === noClaimant);
    if (own === undefined) return this.#clusterWinner(row, claims);
    const others = claims.filter((claim) => claim !== own);
    return refineClaim(this.#clusterWinner(row, others), own);
  }

  #clusterWinner(row: number, claims: readonly IpcacheClaim[]): IpcacheClaim | undefined {
    const { localClusterId, ranges } = this.#options;
    const [only] = claims;
    if (only === undefined || (claims.length === 1 && only.clusterId === localClusterId)) return only;
    this.#index.copyAddress(row, this.#scratch);
    const isOurs = ranges.touchesLocal({ address: this.#scratch, bits: this.#index.prefixLength(row) });
    if (claims.length === 1) return isOurs ? undefined : only;
    return chooseClaim(claims, localClusterId, isOurs ? localClusterId : ranges.owner(this.#scratch));
  }

  /** Who keeps those out that lost: the winner, else ourselves, whose range it is. */
  #holderOf(row: number): number {
    const cluster = (this.#flag(row) & flag.claimed) === 0 ? noClaimant : (this.#clusters[row] ?? 0);
    return cluster === noClaimant ? this.#options.localClusterId : cluster;
  }

  #decideAgain(row: number): void {
    if (!this.#index.has(row)) return;
    const claims = this.#claimsOf(row);
    const isClaimed = (this.#flag(row) & flag.claimed) !== 0;
    if (this.#winner(row, claims)?.clusterId !== (isClaimed ? this.#clusters[row] : undefined))
      this.#setClaims(row, claims);
  }

  #wait(row: number, identity: number): void {
    this.#flags[row] = this.#flag(row) | flag.waiting;
    const rows = this.#waiting.get(identity);
    if (rows === undefined) this.#waiting.set(identity, new Set([row]));
    else rows.add(row);
  }

  #stopWaiting(row: number): void {
    if ((this.#flag(row) & flag.waiting) === 0) return;
    this.#flags[row] = this.#flag(row) & ~flag.waiting;
    const identity = this.#identities[row] ?? 0;
    const rows = this.#waiting.get(identity);
    rows?.delete(row);
    if (rows?.size === 0) this.#waiting.delete(identity);
  }

  #enqueue(row: number): void {
    if ((this.#flag(row) & flag.queued) !== 0) return;
    this.#flags[row] = this.#flag(row) | flag.queued;
    this.#queue.push(row);
  }

  /** A row that is neither claimed nor in the map is given back. */
  #forget(row: number): void {
    const isInUse = (this.#flag(row) & (flag.claimed | flag.programmed | flag.queued)) !== 0;
    if (!isInUse && !this.#contested.has(row)) this.#index.remove(row);
  }

  #flag(row: number): number {
    return this.#flags[row] ?? 0;
  }

  #makeRoom(): void {
    const rows = this.#index.rowCapacity;
    if (rows === this.#flags.length) return;
    this.#flags = grown(this.#flags, new Uint8Array(rows));
    this.#clusters = grown(this.#clusters, new Uint16Array(rows));
    this.#identities = grown(this.#identities, new Uint32Array(rows));
    this.#nodes = grown(this.#nodes, new Uint32Array(rows));
    this.#programmedIdentities = grown(this.#programmedIdentities, new Uint32Array(rows));
    this.#programmedNodes = grown(this.#programmedNodes, new Uint32Array(rows));
  }
}
