import type { Clock } from '@clustermesh/runtime';

import { keyText } from '../../maps/address.ts';
import { backendState } from '../../maps/backend.ts';
import type { BackendRecord, BackendRecords } from '../../maps/backend.ts';
import { DelayQueue } from '../delay-queue.ts';
import { IdAllocator } from '../id-allocator.ts';

/** A stale reader may still look at a freed id or slot for this long (datapath.md §3.3). */
export const quarantineMs = 2_000;

/** Draining backends whose addresses are watched; of those beyond it, which is a whole cluster leaving, the drain counts. */
const watchedAddresses = 65_536;

/** Records that are moved on in one piece: a few milliseconds, when a cluster leaves and hundreds of thousands are due. */
const movedAtOnce = 4_096;

/**
 * The life of backend records: free → active → terminating (drain) → free (quarantine) → used again. One in a service's
 * slots is quarantined while it is only there for want of others: clients with session affinity leave it.
 */
export class BackendPool {
  readonly #records: BackendRecords;
  readonly #clock: Clock;
  readonly #onEnded: () => void;
  readonly #ids: IdAllocator;
  readonly #draining: DelayQueue<readonly number[]>;
  readonly #drainingByAddress = new Map<string, number[]>();
  /** Free before their drain is over: their ids wait for it all the same. */
  readonly #endedEarly = new Set<number>();
  /** Taken back while they drained: how many of their drains are still in the queue and mean nothing any more. */
  readonly #calledOff = new Map<number, number>();
  readonly #quarantined = new DelayQueue<readonly number[]>(quarantineMs);

  /** `onEnded`: records that connections may have been given are free now. */
  constructor(options: {
    readonly records: BackendRecords;
    readonly clock: Clock;
    readonly drainMs: number;
    readonly onEnded: () => void;
  }) {
    this.#records = options.records;
    this.#clock = options.clock;
    this.#onEnded = options.onEnded;
    this.#ids = new IdAllocator(options.records.capacity);
    this.#draining = new DelayQueue(options.drainMs);
  }

  get used(): number {
    return this.#ids.used;
  }

  /** An active record: the one that drains, if it is the same backend, else a new one; `undefined` when there is no room. */
  add(serviceId: number, backend: BackendRecord): number | undefined {
    const id = this.#takeBack(serviceId, backend);
    return id ?? this.#write(serviceId, backend);
  }

  /** Before they may be chosen. */
  admit(ids: Uint32Array): void {
    for (const id of ids) {
      if (this.#records.state(id) === backendState.quarantined) this.#records.setState(id, backendState.active);
    }
  }

  /** Once they can no longer be chosen. */
  quarantine(ids: Uint32Array): void {
    for (const id of ids) {
      if (this.#records.state(id) === backendState.active) this.#records.setState(id, backendState.quarantined);
    }
  }

  /** No new connection takes these from now on; those that exist go on until the drain ends. */
  retire(ids: readonly number[]): void {
    if (ids.length === 0) return;
    for (const id of ids) {
      this.#records.setState(id, backendState.terminating);
      this.#watchAddress(id);
    }
    this.#draining.push(ids, this.#clock.monotonicMs());
  }

  /** Nothing is at this address any more: what drains there has nobody left to serve. */
  addressGone(address: Uint8Array): void {
    const ids = this.#drainingByAddress.get(keyText(address));
    if (ids === undefined) return;
    this.#drainingByAddress.delete(keyText(address));
    for (const id of ids) {
      this.#records.free(id);
      this.#endedEarly.add(id);
    }
    this.#onEnded();
  }

  /** What `add` has given is not used: no slot points at it yet. */
  discard(ids: readonly number[]): void {
    const hasConnections = (id: number): boolean => this.#calledOff.has(id);
    this.retire(ids.filter(hasConnections));
    const unused = ids.filter((id) => !hasConnections(id));
    for (const id of unused) this.#records.free(id);
    this.#quarantined.push(unused, this.#clock.monotonicMs());
  }

  /** Takes over every record that a predecessor left, one step each; those in no service's slots are retired. */
  *adopting(referenced: ReadonlySet<number>): Generator<void> {
    const leftover: number[] = [];
    for (let id = 1; id < this.#records.capacity; id++) {
      if (this.#records.state(id) === backendState.free || !this.#ids.reserve(id)) continue;
      if (!referenced.has(id)) leftover.push(id);
      yield;
    }
    for (let start = 0; start < leftover.length; start += movedAtOnce) {
      this.retire(leftover.slice(start, start + movedAtOnce));
      yield;
    }
  }

  /** Moves on some of what is due; false when that was all. */
  reclaim(): boolean {
    const now = this.#clock.monotonicMs();
    for (const ids of this.#quarantined.due(now)) for (const id of ids) this.#ids.release(id);
    let [moved, ended] = [0, 0];
    for (const retired of this.#draining.due(now)) {
      const ids = retired.filter((id) => !this.#wasCalledOff(id));
      for (const id of ids) {
        this.#unwatchAddress(id);
        if (!this.#endedEarly.delete(id)) this.#records.free(id);
      }
      this.#quarantined.push(ids, now);
      moved += retired.length;
      ended += ids.length;
      if (moved >= movedAtOnce) break;
    }
    if (ended > 0) this.#onEnded();
    return moved >= movedAtOnce;
  }

  #write(serviceId: number, backend: BackendRecord): number | undefined {
    const id = this.#ids.allocate();
    if (id !== undefined) this.#records.write(id, serviceId, backend);
    return id;
  }

  /** A backend that comes back keeps its record, and so its connections. */
  #takeBack(serviceId: number, backend: BackendRecord): number | undefined {
    const id = this.#drainingByAddress
      .get(keyText(backend.address))
      ?.find((each) => this.#records.serviceId(each) === serviceId && this.#records.holds(each, backend));
    if (id === undefined) return undefined;
    this.#unwatchAddress(id);
    this.#calledOff.set(id, (this.#calledOff.get(id) ?? 0) + 1);
    this.#records.setState(id, backendState.active);
    return id;
  }

  /** Drains end in the order in which they began: the first of an id are those that were called off. */
  #wasCalledOff(id: number): boolean {
    const times = this.#calledOff.get(id);
    if (times === undefined) return false;
    if (times === 1) this.#calledOff.delete(id);
    else this.#calledOff.set(id, times - 1);
    return true;
  }

  #watchAddress(id: number): void {
    const address = keyText(this.#records.read(id).address);
    const ids = this.#drainingByAddress.get(address);
    if (ids !== undefined) ids.push(id);
    else if (this.#drainingByAddress.size < watchedAddresses) this.#drainingByAddress.set(address, [id]);
  }

  #unwatchAddress(id: number): void {
    const address = keyText(this.#records.read(id).address);
    const rest = this.#drainingByAddress.get(address)?.filter((other) => other !== id);
    if (rest?.length === 0) this.#drainingByAddress.delete(address);
    else if (rest !== undefined) this.#drainingByAddress.set(address, rest);
  }
}
