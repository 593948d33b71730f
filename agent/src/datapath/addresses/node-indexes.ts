import type { Clock, Random } from '@clustermesh/runtime';

import type { NodeRecords } from '../../maps/node.ts';
import { Column } from '../../tables/column.ts';
import { PrefixIndex, hostPrefix } from '../../tables/prefix-index.ts';
import { quarantineMs } from '../services/backend-pool.ts';
import { DelayQueue } from '../delay-queue.ts';
import { IdAllocator } from '../id-allocator.ts';

export interface NodeIndexesOptions {
  readonly records: NodeRecords;
  readonly clock: Clock;
  readonly random: Random;
  readonly localClusterId: number;
}

/**
 * Numbers for nodes by underlay address. An index lives as long as anything refers to it: a node, a claim on an
 * address, an entry in the map. Its record is written before anybody can refer to it.
 *
 * Another cluster can name as many addresses of nodes as it likes: it has half of the numbers at most, and never one of
 * our own nodes (I1).
 */
export class NodeIndexes {
  readonly #records: NodeRecords;
  readonly #clock: Clock;
  readonly #localClusterId: number;
  readonly #ids: IdAllocator;
  readonly #underlays: PrefixIndex;
  /** By the underlay's row. */
  readonly #indexes = new Column(Uint32Array);
  readonly #references: Uint32Array;
  readonly #countByCluster = new Map<number, number>();
  readonly #quarantined = new DelayQueue<number>(quarantineMs);

  constructor(options: NodeIndexesOptions) {
    this.#records = options.records;
    this.#clock = options.clock;
    this.#localClusterId = options.localClusterId;
    this.#ids = new IdAllocator(options.records.capacity);
    this.#references = new Uint32Array(options.records.capacity);
    this.#underlays = new PrefixIndex(options.random);
  }

  get used(): number {
    return this.#ids.used;
  }

  /** Might `acquire` give this cluster another index? */
  hasRoom(clusterId: number): boolean {
    this.reclaim();
    // Index 0 is "no node".
    return this.used < this.#records.capacity - 1 && this.#isWithinShare(clusterId);
  }

  find(underlay: Uint8Array): number | undefined {
    const row = this.#underlays.find(underlay, hostPrefix);
    return row < 0 ? undefined : this.#indexes.get(row);
  }

  underlay(index: number): Uint8Array {
    return this.#records.underlay(index);
  }

  clusterId(index: number): number {
    return this.#records.clusterId(index);
  }

  /** The index of an underlay address, with one more reference; `undefined` when there is no room. */
  acquire(underlay: Uint8Array, clusterId: number): number | undefined {
    const known = this.find(underlay);
    const index = known ?? this.#allocate(clusterId);
    if (index === undefined) return undefined;
    const isOursNow = clusterId === this.#localClusterId && known !== undefined && this.clusterId(known) !== clusterId;
    if (isOursNow) this.#count(this.clusterId(index), -1);
    if (isOursNow || known === undefined) {
      this.#records.write(index, underlay, clusterId);
      this.#setIndex(underlay, index);
      this.#count(clusterId, 1);
    }
    this.retain(index);
    return index;
  }

  /** One more reference to an index in use; 0 is "no node". */
  retain(index: number): void {
    if (index !== 0) this.#references[index] = (this.#references[index] ?? 0) + 1;
  }

  release(index: number): void {
    if (index === 0) return;
    const left = Math.max(0, (this.#references[index] ?? 0) - 1);
    this.#references[index] = left;
    if (left === 0) this.#drop(index);
  }

  /**
   * Takes over what a predecessor wrote, an index a step, each with one reference; give those back by `release` after the
   * first sync.
   */
  *restoring(): Generator<number> {
    for (let index = 1; index < this.#records.capacity; index++) {
      if (this.#records.isFree(index) || !this.#ids.reserve(index)) continue;
      this.#setIndex(this.#records.underlay(index), index);
      this.#count(this.clusterId(index), 1);
      this.retain(index);
      yield index;
    }
  }

  /** After `restoring`: the addresses lead to what was restored, and nowhere else. */
  reindexing(): Generator<void> {
    return this.#records.reindexing((underlay) => this.find(underlay));
  }

  #allocate(clusterId: number): number | undefined {
    this.reclaim();
    return this.#isWithinShare(clusterId) ? this.#ids.allocate() : undefined;
  }

  #setIndex(underlay: Uint8Array, index: number): void {
    this.#indexes.set(this.#underlays.insert(underlay, hostPrefix), index);
  }

  #isWithinShare(clusterId: number): boolean {
    if (clusterId === this.#localClusterId) return true;
    return (this.#countByCluster.get(clusterId) ?? 0) < Math.floor(this.#records.capacity / 2);
  }

  #count(clusterId: number, change: number): void {
    const count = (this.#countByCluster.get(clusterId) ?? 0) + change;
    if (count === 0) this.#countByCluster.delete(clusterId);
    else this.#countByCluster.set(clusterId, count);
  }

  #drop(index: number): void {
    this.#underlays.remove(this.#underlays.find(this.#records.underlay(index), hostPrefix));
    this.#count(this.clusterId(index), -1);
    this.#records.free(index);
    this.#quarantined.push(index, this.#clock.monotonicMs());
  }

  reclaim(): void {
    for (const index of this.#quarantined.due(this.#clock.monotonicMs())) this.#ids.release(index);
  }
}
