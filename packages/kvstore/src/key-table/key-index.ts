/** A part of the index: pairs of a hash and a slot + 1, at the first free place from where the hash's last bits say. */
interface Shard {
  entries: Uint32Array;
  count: number;
  /** How many leading bits its hashes have in common. */
  readonly depth: number;
}

const firstPlaces = 8;
/** A shard of so many places is divided instead of growing. */
const maxPlaces = 4_096;
/** Far more than fit into memory; bounds the directory. */
const maxDepth = 20;
const isFull = (count: number, places: number): boolean => count * 5 > places * 4;

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
    for (let at = homeOf(entries, hash); entries[at + 1] !== 0; at = after(entries, at)) {
      if (entries[at] !== hash) continue;
      const slot = (entries[at + 1] as number) - 1;
      if (isIt(slot)) return slot;
    }
    return -1;
  }

  add(hash: number, slot: number): void {
    if (this.#directory.length === 0) this.#directory.push(newShard(0, firstPlaces));
    let shard = this.#shard(hash);
    while (isFull(shard.count + 1, shard.entries.length / 2)) {
      if (shard.entries.length / 2 < maxPlaces || shard.depth === maxDepth) grow(shard);
      else this.#divide(shard, hash);
      shard = this.#shard(hash);
    }
    insert(shard, hash, slot + 1);
    this.#count++;
  }

  remove(hash: number, slot: number): void {
    const shard = this.#shard(hash);
    const { entries } = shard;
    let at = homeOf(entries, hash);
    while (entries[at + 1] !== slot + 1) at = after(entries, at);
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
    const half = (each: number): number => (each >>> (32 - depth)) & 1;
    let ofSecond = 0;
    forEach(shard, (each) => (ofSecond += half(each)));
    const halves = [shard.count - ofSecond, ofSecond].map((count) => newShard(depth, roomFor(count)));
    forEach(shard, (each, mark) => insert(halves[half(each)] as Shard, each, mark));
    const places = 2 ** (this.#depth - shard.depth);
    const first = Math.floor((hash >>> (32 - this.#depth)) / places) * places;
    for (let at = 0; at < places; at++) this.#directory[first + at] = halves[at < places / 2 ? 0 : 1] as Shard;
  }

  #forget(): void {
    if (this.#directory.length === 1) return;
    this.#directory = [];
    this.#depth = 0;
  }
}

function newShard(depth: number, places: number): Shard {
  return { entries: new Uint32Array(places * 2), count: 0, depth };
}

/** With some to come. */
function roomFor(count: number): number {
  return Math.min(Math.max(firstPlaces, Math.ceil(count * 1.5)), maxPlaces);
}

/** By a quarter: doubled, shards would be half empty on average, in each of the many sets of a large mesh. */
function grow(shard: Shard): void {
  const places = shard.entries.length / 2;
  const wanted = places + Math.max(firstPlaces, places >>> 2);
  const wider = newShard(shard.depth, places < maxPlaces ? Math.min(wanted, maxPlaces) : wanted);
  forEach(shard, (hash, mark) => insert(wider, hash, mark));
  shard.entries = wider.entries;
}

function insert(shard: Shard, hash: number, mark: number): void {
  const { entries } = shard;
  let at = homeOf(entries, hash);
  while (entries[at + 1] !== 0) at = after(entries, at);
  entries[at] = hash;
  entries[at + 1] = mark;
  shard.count++;
}

/** Any number of places: the last 16 bits as a fraction of them. The first bits say which shard it is. */
function homeOf(entries: Uint32Array, hash: number): number {
  return (((hash & 0xffff) * (entries.length >>> 1)) >>> 16) << 1;
}

function after(entries: Uint32Array, at: number): number {
  return at + 2 === entries.length ? 0 : at + 2;
}

function forEach({ entries }: Shard, tell: (hash: number, mark: number) => void): void {
  for (let at = 0; at < entries.length; at += 2) {
    const mark = entries[at + 1] as number;
    if (mark !== 0) tell(entries[at] as number, mark);
  }
}

/** Moves back what stands behind a gap and would not be found across it. */
function closeGap(entries: Uint32Array, removed: number): void {
  const distance = (from: number, to: number): number => (to >= from ? to - from : to + entries.length - from);
  let gap = removed;
  for (let at = after(entries, gap); entries[at + 1] !== 0; at = after(entries, at)) {
    const hash = entries[at] as number;
    if (distance(homeOf(entries, hash), at) < distance(gap, at)) continue;
    entries[gap] = hash;
    entries[gap + 1] = entries[at + 1] as number;
    gap = at;
  }
  entries[gap + 1] = 0;
}
