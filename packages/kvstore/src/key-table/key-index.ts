/** A part of the index: pairs of a hash and a slot + 1, at the first free place from where the hash says. */
interface Shard {
  entries: Uint32Array;
  count: number;
  /** How many leading bits its hashes have in common. */
  readonly depth: number;
}

const firstEntries = 8;
/** A shard of so many places is divided instead of growing. */
const maxEntries = 4_096;
/** Far more than fit into memory; bounds the directory. */
const maxDepth = 20;
const isFull = (count: number, entries: number): boolean => count * 5 > entries * 4;

/**
 * Which slot has a key, by the key's hash (extendible hashing). Shards grow and divide one by one: an insertion moves a few
 * thousand entries at most, however many there are.
 */
export class KeyIndex {
  #directory: Shard[] = [];
  /** The directory has a place for each value of so many leading bits. */
  #depth = 0;
  #count = 0;

  /** The slot under this hash of which `isIt` is true, or -1. */
  find(hash: number, isIt: (slot: number) => boolean): number {
    if (this.#count === 0) return -1;
    const { entries } = this.#shard(hash);
    const mask = entries.length - 1;
    for (let at = (hash * 2) & mask; entries[at + 1] !== 0; at = (at + 2) & mask) {
      if (entries[at] !== hash) continue;
      const slot = (entries[at + 1] as number) - 1;
      if (isIt(slot)) return slot;
    }
    return -1;
  }

  add(hash: number, slot: number): void {
    if (this.#directory.length === 0) this.#directory.push(newShard(0, firstEntries));
    let shard = this.#shard(hash);
    while (isFull(shard.count + 1, shard.entries.length / 2)) {
      if (shard.entries.length / 2 < maxEntries || shard.depth === maxDepth) grow(shard);
      else this.#divide(shard, hash);
      shard = this.#shard(hash);
    }
    insert(shard, hash, slot + 1);
    this.#count++;
  }

  remove(hash: number, slot: number): void {
    const shard = this.#shard(hash);
    const { entries } = shard;
    const mask = entries.length - 1;
    let at = (hash * 2) & mask;
    while (entries[at + 1] !== slot + 1) at = (at + 2) & mask;
    closeGap(entries, at);
    shard.count--;
    if (--this.#count === 0) this.#forget();
  }

  #shard(hash: number): Shard {
    return this.#directory[this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)] as Shard;
  }

  #divide(shard: Shard, hash: number): void {
    if (shard.depth === this.#depth) {
      this.#directory = this.#directory.flatMap((each) => [each, each]);
      this.#depth++;
    }
    const depth = shard.depth + 1;
    const halves = [newShard(depth, maxEntries), newShard(depth, maxEntries)] as const;
    forEach(shard, (each, mark) => insert(halves[(each >>> (32 - depth)) & 1] as Shard, each, mark));
    const places = 2 ** (this.#depth - shard.depth);
    const first = Math.floor((hash >>> (32 - this.#depth)) / places) * places;
    for (let at = 0; at < places; at++) this.#directory[first + at] = halves[at < places / 2 ? 0 : 1];
  }

  #forget(): void {
    if (this.#directory.length === 1) return;
    this.#directory = [];
    this.#depth = 0;
  }
}

function newShard(depth: number, entries: number): Shard {
  return { entries: new Uint32Array(entries * 2), count: 0, depth };
}

function grow(shard: Shard): void {
  const wider = newShard(shard.depth, shard.entries.length);
  forEach(shard, (hash, mark) => insert(wider, hash, mark));
  shard.entries = wider.entries;
}

function insert(shard: Shard, hash: number, mark: number): void {
  const { entries } = shard;
  const mask = entries.length - 1;
  let at = (hash * 2) & mask;
  while (entries[at + 1] !== 0) at = (at + 2) & mask;
  entries[at] = hash;
  entries[at + 1] = mark;
  shard.count++;
}

function forEach({ entries }: Shard, tell: (hash: number, mark: number) => void): void {
  for (let at = 0; at < entries.length; at += 2) {
    const mark = entries[at + 1] as number;
    if (mark !== 0) tell(entries[at] as number, mark);
  }
}

/** Moves back what stands behind a gap and would not be found across it. */
function closeGap(entries: Uint32Array, removed: number): void {
  const mask = entries.length - 1;
  let gap = removed;
  for (let at = (gap + 2) & mask; entries[at + 1] !== 0; at = (at + 2) & mask) {
    const hash = entries[at] as number;
    const home = (hash * 2) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    entries[gap] = hash;
    entries[gap + 1] = entries[at + 1] as number;
    gap = at;
  }
  entries[gap + 1] = 0;
}
