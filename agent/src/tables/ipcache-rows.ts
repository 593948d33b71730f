import { Column, SparsePairs } from './column.ts';

/** What a row is, as bits of one byte. */
export const rowFlag = {
  /** Some cluster claims the address. */
  claimed: 1,
  /** The winner's identity is not known yet: the map must not show it (I2). */
  waiting: 2,
  /** It stands in the queue of rows to look at. */
  queued: 4,
  /** A claim on it has lost: all are kept beside the row. */
  contested: 8,
} as const;

/** The map holds the row: nothing, what the winner says, that but for the identity, something else. */
const held = { mask: 0x30, nothing: 0, asClaimed: 0x10, asUnknown: 0x20, otherwise: 0x30 } as const;

/**
 * In the map, of an address whose identity is not known yet: policy has for it what it has for anybody. Without an entry it
 * would be of the network around it, the world or one that policies name, and get more than it should.
 */
export const unknownIdentity = 0;

/**
 * Of each row who has won it, and what the map holds: eleven bytes, because three million rows are a design case. The map
 * has what the winner says of nearly all of them; what it has instead takes room only while it does.
 */
export class IpcacheRows {
  readonly #flags = new Column(Uint8Array);
  readonly #clusters = new Column(Uint16Array);
  /** The winner's; of a row that nobody claims, what the map holds. */
  readonly #identities = new Column(Uint32Array);
  readonly #nodes = new Column(Uint32Array);
  readonly #heldOtherwise = new SparsePairs();
  #heldCount = 0;

  /** Entries in the map. */
  get heldCount(): number {
    return this.#heldCount;
  }

  is(row: number, flag: number): boolean {
    return (this.#flags.get(row) & flag) !== 0;
  }

  mark(row: number, flag: number): void {
    this.#flags.set(row, this.#flags.get(row) | flag);
  }

  unmark(row: number, flag: number): void {
    this.#flags.set(row, this.#flags.get(row) & ~flag);
  }

  clusterId(row: number): number {
    return this.#clusters.get(row);
  }

  identity(row: number): number {
    return this.#identities.get(row);
  }

  nodeIndex(row: number): number {
    return this.#nodes.get(row);
  }

  isHeld(row: number): boolean {
    return this.is(row, held.mask);
  }

  heldIdentity(row: number): number {
    switch (this.#flags.get(row) & held.mask) {
      case held.asClaimed:
        return this.#identities.get(row);
      case held.otherwise:
        return this.#heldOtherwise.first(row);
      default:
        return unknownIdentity;
    }
  }

  heldNode(row: number): number {
    const how = this.#flags.get(row) & held.mask;
    if (how === held.nothing) return 0;
    return how === held.otherwise ? this.#heldOtherwise.second(row) : this.#nodes.get(row);
  }

  /** Nobody's identity is known of a waiting row; one that is in the map with some other keeps that (I7). */
  wantedIdentity(row: number): number {
    return this.is(row, rowFlag.waiting) ? this.heldIdentity(row) : this.#identities.get(row);
  }

  wantedNode(row: number): number {
    const keepsNode = this.is(row, rowFlag.waiting) && this.heldIdentity(row) !== unknownIdentity;
    return keepsNode ? this.heldNode(row) : this.#nodes.get(row);
  }

  /** Of a claimed row: does the map hold what is wanted? */
  isHeldAsWanted(row: number): boolean {
    if (!this.isHeld(row)) return false;
    return this.heldIdentity(row) === this.wantedIdentity(row) && this.heldNode(row) === this.wantedNode(row);
  }

  setWinner(row: number, clusterId: number, identity: number, nodeIndex: number): void {
    // Of three million rows each array would be garbage.
    const isHeld = this.isHeld(row);
    const heldIdentity = this.heldIdentity(row);
    const heldNode = this.heldNode(row);
    this.mark(row, rowFlag.claimed);
    this.#clusters.set(row, clusterId);
    this.#identities.set(row, identity);
    this.#nodes.set(row, nodeIndex);
    if (isHeld) this.setHeld(row, heldIdentity, heldNode);
  }

  clearWinner(row: number): void {
    this.unmark(row, rowFlag.claimed);
    if (this.isHeld(row)) this.setHeld(row, this.heldIdentity(row), this.heldNode(row));
  }

  setHeld(row: number, identity: number, nodeIndex: number): void {
    if (!this.is(row, rowFlag.claimed)) {
      this.#identities.set(row, identity);
      this.#nodes.set(row, nodeIndex);
    }
    if (!this.isHeld(row)) this.#heldCount++;
    const how = this.#howHeld(row, identity, nodeIndex);
    this.#setHow(row, how);
    if (how !== held.otherwise) return;
    this.#heldOtherwise.setFirst(row, identity);
    this.#heldOtherwise.setSecond(row, nodeIndex);
  }

  clearHeld(row: number): void {
    if (!this.isHeld(row)) return;
    this.#heldCount--;
    this.#setHow(row, held.nothing);
  }

  #howHeld(row: number, identity: number, nodeIndex: number): number {
    if (nodeIndex !== this.#nodes.get(row)) return held.otherwise;
    if (identity === this.#identities.get(row)) return held.asClaimed;
    return identity === unknownIdentity ? held.asUnknown : held.otherwise;
  }

  #setHow(row: number, how: number): void {
    const flags = this.#flags.get(row);
    const before = flags & held.mask;
    if (before === how) return;
    if (before === held.otherwise) this.#heldOtherwise.delete(row);
    if (how === held.otherwise) this.#heldOtherwise.add(row, 0, 0);
    this.#flags.set(row, (flags & ~held.mask) | how);
  }
}
