import type { Random } from '@clustermesh/runtime';

import { ClaimJudge } from './claim-judge.ts';
import { ContestedClaims } from './contested-claims.ts';
import { noClaimant, withClaim } from './ipcache-claims.ts';
import type { IpcacheClaim, RangeOwners } from './ipcache-claims.ts';
import { IpcacheRows, rowFlag, unknownIdentity } from './ipcache-rows.ts';
import type { LostClaims } from './lost-claims.ts';
import { PrefixIndex, hostPrefix } from './prefix-index.ts';
import { RowList } from './row-list.ts';
import { RowsToReconsider } from './rows-to-reconsider.ts';
import { WaitingRows } from './waiting-rows.ts';

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

export interface IpcacheTableOptions {
  readonly random: Random;
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
  readonly #rows = new IpcacheRows();
  readonly #contested = new ContestedClaims();
  readonly #waiting = new WaitingRows();
  readonly #queue = new RowList();
  readonly #givenUp: RowList[] = [];
  readonly #scratch = new Uint8Array(16);
  readonly #judge: ClaimJudge;
  readonly #toReconsider = new RowsToReconsider(this.#contested);

  constructor(options: IpcacheTableOptions) {
    this.#options = options;
    this.#judge = new ClaimJudge(options);
    this.#index = new PrefixIndex(options.random);
  }

  get size(): number {
    return this.#index.size;
  }

  /** Entries in the map. */
  get programmedCount(): number {
    return this.#rows.heldCount;
  }

  get hasChanges(): boolean {
    return this.#queue.length > 0 || this.#waiting.hasKnown || this.#givenUp.length > 0;
  }

  /** The claim of `clusterId` that stood before, if any. */
  upsert(address: Uint8Array, prefixLength: number, claim: IpcacheClaim): IpcacheClaim | undefined {
    const row = this.#index.insert(address, prefixLength);
    if (this.#mayBeOnlyClaim(row, claim) && this.#judge.winsAlone(claim.clusterId, address, prefixLength)) {
      return this.#setOnlyClaim(row, claim);
    }
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
    this.#waiting.identityKnown(identity);
  }

  /** Whose addresses are whose has changed: rows are to be decided again, by `reconsider`. */
  rangesChanged(areOurs: boolean): void {
    if (areOurs) this.#toReconsider.addAll(this.#index.rowCapacity);
    else this.#toReconsider.addContested();
  }

  get isReconsidering(): boolean {
    return !this.#toReconsider.isEmpty;
  }

  /** Looks at up to `limit` rows. One whose winner is the same costs next to nothing. */
  reconsider(limit: number): void {
    for (let left = limit; left > 0; left--) {
      const row = this.#toReconsider.next();
      if (row === undefined) return;
      this.#decideAgain(row);
    }
  }

  /** Takes over what the map holds from a predecessor; nobody claims it yet. Returns its row, for `giveUp`. */
  restore(address: Uint8Array, prefixLength: number, identity: number, nodeIndex: number): number {
    const row = this.#index.insert(address, prefixLength);
    this.#rows.setHeld(row, identity, nodeIndex);
    this.#tellWay(row);
    return row;
  }

  /** Restored rows go unless somebody claims them by then: `takeChanges` looks, as a cluster may have left a million. */
  giveUp(rows: RowList): void {
    if (rows.length > 0) this.#givenUp.push(rows);
  }

  /** Up to `limit` rows whose map entry may differ from what is wanted. Report each back by `settled`, or later by `retry`. */
  takeChanges(limit: number): readonly number[] {
    for (const row of this.#waiting.take(limit, this.#options.isIdentityKnown)) {
      this.#rows.unmark(row, rowFlag.waiting);
      this.#enqueue(row);
    }
    this.#enqueueGivenUp(limit);
    // What came last goes first: nothing depends on the order.
    const taken = this.#queue.take(limit);
    for (const row of taken) this.#rows.unmark(row, rowFlag.queued);
    return taken;
  }

  /** Shall the map hold the row? Then its identity and node, and whether it does so already. */
  isWanted(row: number): boolean {
    return this.#isClaimed(row);
  }

  wantedIdentity(row: number): number {
    return this.#rows.wantedIdentity(row);
  }

  wantedNode(row: number): number {
    return this.#rows.wantedNode(row);
  }

  isProgrammedAsWanted(row: number): boolean {
    return this.#rows.isHeldAsWanted(row);
  }

  isProgrammed(row: number): boolean {
    return this.#rows.isHeld(row);
  }

  /** By which the map leads to the row now; 0: by none, or not at all. */
  programmedNode(row: number): number {
    return this.#rows.heldNode(row);
  }

  /** The map now holds what is wanted of this row. */
  settled(row: number): void {
    const isWanted = this.isWanted(row);
    if (isWanted) this.#rows.setHeld(row, this.wantedIdentity(row), this.wantedNode(row));
    else this.#rows.clearHeld(row);
    this.#tellWay(row);
    if (!isWanted) this.#forget(row);
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
    return row < 0 || !this.isProgrammed(row) ? undefined : this.#rows.heldIdentity(row);
  }

  /** `undefined` when nothing is known of the address itself. */
  way(address: Uint8Array): IpcacheWay | undefined {
    const row = this.#index.find(address, hostPrefix);
    if (row < 0) return undefined;
    const isClaimed = this.#isClaimed(row);
    const isProgrammed = this.isProgrammed(row);
    if (isClaimed && this.#rows.clusterId(row) === noClaimant) return undefined;
    if (!isClaimed && (!isProgrammed || this.#rows.is(row, rowFlag.queued))) return undefined;
    return {
      clusterId: isClaimed ? this.#rows.clusterId(row) : undefined,
      isProgrammed: isProgrammed && this.#rows.heldIdentity(row) !== unknownIdentity,
      nodeIndex: isProgrammed ? this.#rows.heldNode(row) : this.#rows.nodeIndex(row),
    };
  }

  *rows(): IterableIterator<IpcacheRow> {
    for (const row of this.#index.rows()) {
      if (this.#isClaimed(row) || this.isProgrammed(row)) yield this.#row(row);
    }
  }

  /** How many claims lost, by loser and by who holds the address. */
  get lost(): Pick<LostClaims, 'counts'> {
    return this.#contested.lost;
  }

  /** Every claim that lost, with the address. */
  *conflicts(): IterableIterator<LostClaim> {
    for (const [row, { claims, holderId }] of this.#contested.entries()) {
      const address = this.#index.address(row);
      const prefixLength = this.#index.prefixLength(row);
      for (const claim of claims) {
        if (claim.clusterId !== holderId && claim.clusterId !== noClaimant)
          yield { ...claim, address, prefixLength, holderId };
      }
    }
  }

  #isClaimed(row: number): boolean {
    return this.#rows.is(row, rowFlag.claimed);
  }

  #tellWay(row: number): void {
    const { onWay } = this.#options;
    if (onWay === undefined || this.#index.prefixLength(row) !== hostPrefix) return;
    onWay(this.#address(row));
  }

  #row(row: number): IpcacheRow {
    return {
      address: this.#index.address(row),
      prefixLength: this.#index.prefixLength(row),
      identity: this.#rows.identity(row),
      nodeIndex: this.#rows.nodeIndex(row),
      clusterId: this.#isClaimed(row) ? this.#rows.clusterId(row) : noClaimant,
      state: this.#state(row),
    };
  }

  #state(row: number): IpcacheState {
    if (!this.#isClaimed(row)) return 'restored';
    if (this.#rows.is(row, rowFlag.waiting)) return 'waiting-for-identity';
    return this.isProgrammed(row) && !this.#rows.is(row, rowFlag.queued) ? 'programmed' : 'pending';
  }

  /** As nearly all are: nobody else claims the address. */
  #mayBeOnlyClaim(row: number, { clusterId }: IpcacheClaim): boolean {
    if (this.#rows.is(row, rowFlag.contested)) return false;
    return !this.#isClaimed(row) || this.#rows.clusterId(row) === clusterId;
  }

  #setOnlyClaim(row: number, claim: IpcacheClaim): IpcacheClaim | undefined {
    const before = this.#isClaimed(row) ? this.#winnerOf(row) : undefined;
    this.#setWinner(row, claim);
    return before;
  }

  #winnerOf(row: number): IpcacheClaim {
    const rows = this.#rows;
    return { clusterId: rows.clusterId(row), identity: rows.identity(row), nodeIndex: rows.nodeIndex(row) };
  }

  #claimsOf(row: number): readonly IpcacheClaim[] {
    const contested = this.#rows.is(row, rowFlag.contested) ? this.#contested.get(row) : undefined;
    if (contested !== undefined) return contested;
    return this.#isClaimed(row) ? [this.#winnerOf(row)] : [];
  }

  #setClaims(row: number, claims: readonly IpcacheClaim[]): void {
    const winner = this.#winner(row, claims);
    this.#setWinner(row, winner);
    if (claims.length > 1 || winner !== claims[0]) {
      this.#contested.set(row, claims, this.#holderOf(row));
      this.#rows.mark(row, rowFlag.contested);
    } else if (this.#rows.is(row, rowFlag.contested)) {
      this.#contested.delete(row);
      this.#rows.unmark(row, rowFlag.contested);
    }
  }

  #setWinner(row: number, winner: IpcacheClaim | undefined): void {
    const holder = this.#isClaimed(row) ? this.#rows.clusterId(row) : undefined;
    this.#stopWaiting(row);
    if (winner === undefined) this.#rows.clearWinner(row);
    else {
      this.#rows.setWinner(row, winner.clusterId, winner.identity, winner.nodeIndex);
      if (!this.#options.isIdentityKnown(winner.identity)) this.#wait(row, winner.identity);
    }
    this.#enqueue(row);
    if (winner?.clusterId !== holder) this.#tellWay(row);
  }

  #winner(row: number, claims: readonly IpcacheClaim[]): IpcacheClaim | undefined {
    return this.#judge.winner(claims, this.#address(row), this.#index.prefixLength(row));
  }

  /** Until the next call. */
  #address(row: number): Uint8Array {
    this.#index.copyAddress(row, this.#scratch);
    return this.#scratch;
  }

  /** Who keeps those out that lost: the winner, else ourselves, whose range it is. */
  #holderOf(row: number): number {
    const cluster = this.#isClaimed(row) ? this.#rows.clusterId(row) : noClaimant;
    return cluster === noClaimant ? this.#options.localClusterId : cluster;
  }

  #decideAgain(row: number): void {
    if (!this.#index.has(row)) return;
    const claims = this.#claimsOf(row);
    const holder = this.#isClaimed(row) ? this.#rows.clusterId(row) : undefined;
    if (this.#winner(row, claims)?.clusterId !== holder) this.#setClaims(row, claims);
  }

  #wait(row: number, identity: number): void {
    this.#rows.mark(row, rowFlag.waiting);
    this.#waiting.add(row, identity);
  }

  #stopWaiting(row: number): void {
    if (!this.#rows.is(row, rowFlag.waiting)) return;
    this.#rows.unmark(row, rowFlag.waiting);
    this.#waiting.remove(row, this.#rows.identity(row));
  }

  #enqueue(row: number): void {
    if (this.#rows.is(row, rowFlag.queued)) return;
    this.#rows.mark(row, rowFlag.queued);
    this.#queue.push(row);
  }

  #enqueueGivenUp(limit: number): void {
    const rows = this.#givenUp.at(-1);
    if (rows === undefined) return;
    for (const row of rows.take(limit)) if (!this.#isClaimed(row) && this.#rows.isHeld(row)) this.#enqueue(row);
    if (rows.length === 0) this.#givenUp.pop();
  }

  /** A row that is neither claimed nor in the map is given back. */
  #forget(row: number): void {
    const isInUse = this.#isClaimed(row) || this.#rows.is(row, rowFlag.queued | rowFlag.contested);
    if (!isInUse) this.#index.remove(row);
  }
}
