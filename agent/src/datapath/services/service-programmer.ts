import type { BpfMap } from '@clustermesh/ebpf';
import { describeError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import { keyText } from '../../maps/address.ts';
import type { BackendRecord, BackendRecords, BackendState } from '../../maps/backend.ts';
import {
  decodeServiceValue,
  encodeServiceValue,
  maxBackendsPerFrontend,
  serviceKeyLayout,
  serviceValueLayout,
} from '../../maps/service.ts';
import type { ServiceRecord } from '../../maps/service.ts';
import type { SlotRecords } from '../../maps/slot.ts';
import { diffBackends } from './backend-diff.ts';
import { BackendPool } from './backend-pool.ts';
import { SlotPool } from './slot-pool.ts';

/** What one frontend shall look like in the maps. */
export interface FrontendProgram {
  /** Key of the svc map, 24 bytes. */
  readonly key: Uint8Array;
  /** Preferred ones first, each once. Where `known` has an id, nothing need stand. */
  readonly backends: readonly BackendRecord[];
  /** How many of them, from the first, may be chosen now. */
  readonly count: number;
  /** How many, from the first, a client with session affinity may stay with: at least `count`. */
  readonly keepable: number;
  /** Where those of this cluster stand that take connections: contiguous. */
  readonly homeFirst: number;
  readonly homeCount: number;
  readonly flags: number;
  readonly affinityTimeoutS: number;
  /** Absent: found out by comparing with the maps. Its total is what is programmed. */
  readonly known?: KnownBackends | undefined;
}

/** How the wanted backends relate to the programmed ones, where that is known without looking at all of them. */
export interface KnownBackends {
  /** Per wanted backend its id, 0 where a new record is needed: those are filled in. */
  readonly ids: Uint32Array;
  readonly removed: readonly number[];
  /** Exactly these are in the slots, in this order. */
  readonly sameSlots: boolean;
  /** How many were programmed when that was known. */
  readonly total: number;
}

export interface ServiceMaps {
  readonly services: BpfMap;
  readonly slots: SlotRecords;
  readonly backends: BackendRecords;
}

/** A frontend that keeps its old state, and why. */
export interface Refusal {
  readonly key: Uint8Array;
  readonly reason: string;
}

export interface ProgrammedBackend {
  readonly id: number;
  readonly isChosen: boolean;
  readonly state: BackendState;
  readonly backend: BackendRecord;
}

/** Written up to the one update that makes it visible. */
interface Prepared {
  readonly key: Uint8Array;
  readonly record: ServiceRecord;
  readonly before: ServiceRecord | undefined;
  /** Of all backends, as the slots have them. */
  readonly ids: Uint32Array;
  readonly keepable: number;
  readonly added: readonly number[];
  readonly removed: readonly number[];
}

const batchSize = 1_024;

/**
 * Programs frontends so that a reader between any two writes sees the old service or the new one (I2):
 * new backend records, state last → a fresh slot extent → one update of svc → removed backends terminating →
 * after the drain free → after a quarantine used again. What is unchanged is not written.
 */
export class ServiceProgrammer {
  readonly #maps: ServiceMaps;
  readonly #backends: BackendPool;
  readonly #slots: SlotPool;
  readonly #programmed = new Map<string, ServiceRecord>();
  readonly #serviceIds = new Set<number>();
  #lastServiceId = 0;

  /** `onBackendsEnded`: backends have gone for good, and connections that were given them may be there still. */
  constructor(options: {
    readonly maps: ServiceMaps;
    readonly clock: Clock;
    readonly drainMs: number;
    readonly onBackendsEnded: () => void;
  }) {
    const { maps, clock } = options;
    this.#maps = maps;
    this.#backends = new BackendPool({ ...options, records: maps.backends, onEnded: options.onBackendsEnded });
    this.#slots = new SlotPool({ records: maps.slots, clock });
  }

  /** Entries in use: frontends, backends (draining and quarantined too), slots (rounded up to powers of two). */
  get used(): { readonly services: number; readonly backends: number; readonly slots: number } {
    return { services: this.#programmed.size, backends: this.#backends.used, slots: this.#slots.used };
  }

  get(key: Uint8Array): ServiceRecord | undefined {
    return this.#programmed.get(keyText(key));
  }

  /** Takes over what a predecessor programmed. A record whose extent makes no sense waits for its update or the sweep. */
  restore(): void {
    for (const _ of this.restoring()) continue;
  }

  /** `restore`, one step an entry: between two of them the maps must not change. */
  *restoring(): Generator<void> {
    const referenced = new Set<number>();
    for (const [key, value] of this.#maps.services.entries()) {
      const record = decodeServiceValue(value);
      if (!this.#slots.adopt(record.slotBase, record.total)) continue;
      this.#programmed.set(keyText(key), record);
      this.#serviceIds.add(record.serviceId);
      this.#lastServiceId = Math.max(this.#lastServiceId, record.serviceId);
      for (const id of this.#backendIds(record)) referenced.add(id);
      yield;
    }
    yield* this.#backends.adopting(referenced);
  }

  /** Ids of the backends behind a frontend, in the order of its slots. */
  idsOf(key: Uint8Array): readonly number[] {
    const record = this.get(key);
    return record === undefined ? [] : this.#backendIds(record);
  }

  /** What the maps hold behind a frontend, in the order of its slots. */
  backendsOf(key: Uint8Array): readonly ProgrammedBackend[] {
    const record = this.get(key);
    if (record === undefined) return [];
    return this.#backendIds(record).map((id, slot) => ({
      id,
      isChosen: slot < record.count,
      state: this.#maps.backends.state(id),
      backend: this.#maps.backends.read(id),
    }));
  }

  /** Every backend in a slot, with the key of its frontend. */
  *programmedBackends(): IterableIterator<readonly [frontend: Uint8Array, backend: BackendRecord]> {
    for (const [key, record] of this.#programmed) {
      const frontend = Buffer.from(key, 'latin1');
      for (const id of this.#backendIds(record)) yield [frontend, this.#maps.backends.read(id)];
    }
  }

  /** One round; a frontend there is no room for keeps its old state. */
  apply(upserts: Iterable<FrontendProgram>, removals: Iterable<Uint8Array> = []): readonly Refusal[] {
    this.reclaim();
    const refusals: Refusal[] = [...this.#removeAll(removals)];
    const prepared: Prepared[] = [];
    for (const program of upserts) {
      const next = this.#prepare(program);
      if (typeof next === 'string') refusals.push({ key: program.key, reason: next });
      else if (next !== undefined) prepared.push(next);
    }
    for (let start = 0; start < prepared.length; start += batchSize) {
      refusals.push(...this.#publish(prepared.slice(start, start + batchSize)));
    }
    return refusals;
  }

  /** Removes every frontend that is not wanted: only after the first full sync (I3, I7). */
  sweep(isWanted: (key: Uint8Array) => boolean): readonly Refusal[] {
    const leftover: Uint8Array[] = [];
    for (const [key] of this.#maps.services.entries()) if (!isWanted(key)) leftover.push(key.slice());
    return [...this.#removeAll(leftover)];
  }

  /** Removed backends at this address are not given the rest of their drain. */
  addressGone(address: Uint8Array): void {
    this.#backends.addressGone(address);
  }

  /** Moves drained backends and old extents on to their next use; false when all that are due have been. */
  reclaim(): boolean {
    this.#slots.reclaim();
    return this.#backends.reclaim();
  }

  /** Backend records and slots: `undefined` when nothing changes, a reason when there is no room. */
  #prepare(program: FrontendProgram): Prepared | string | undefined {
    const { key, backends, count, keepable, homeFirst, homeCount, flags, affinityTimeoutS } = program;
    const settings = { count, homeFirst, homeCount, flags, affinityTimeoutS };
    if (backends.length > maxBackendsPerFrontend) return `more than ${maxBackendsPerFrontend} backends`;
    const before = this.get(key);
    const { ids, removed, sameSlots } = program.known ?? diffBackends(backends, before, this.#maps);
    if (before !== undefined && sameSlots) {
      const record = { ...before, ...settings };
      const prepared = { key, record, before, ids, keepable, added: [], removed };
      this.#backends.admit(ids.subarray(0, keepable));
      if (!isSame(before, record)) return prepared;
      this.#backends.quarantine(ids.subarray(keepable));
      return undefined;
    }
    const serviceId = before?.serviceId ?? this.#newServiceId();
    const added: number[] = [];
    for (let index = ids.indexOf(0); index >= 0; index = ids.indexOf(0, index + 1)) {
      const backend = backends[index];
      const id = backend && this.#backends.add(serviceId, backend);
      if (id === undefined) return this.#giveUp(added, 'the backend map is full');
      ids[index] = id;
      added.push(id);
    }
    const slotBase = this.#slots.write(serviceId, ids);
    if (slotBase === undefined) return this.#giveUp(added, 'the slot map is full');
    const record = { ...settings, slotBase, total: backends.length, serviceId };
    this.#backends.admit(ids.subarray(0, keepable));
    return { key, record, before, ids, keepable, added, removed };
  }

  #giveUp(added: readonly number[], reason: string): string {
    this.#backends.discard(added);
    return reason;
  }

  /** The update that makes the prepared frontends visible, then the end of what they replace. */
  #publish(prepared: readonly Prepared[]): readonly Refusal[] {
    const refusals: Refusal[] = [];
    const keys = new Uint8Array(prepared.length * serviceKeyLayout.size);
    const values = new Uint8Array(prepared.length * serviceValueLayout.size);
    for (const [index, { key, record }] of prepared.entries()) {
      keys.set(key, index * serviceKeyLayout.size);
      encodeServiceValue(record, values, index * serviceValueLayout.size);
    }
    try {
      this.#maps.services.updateBatch(keys, values, prepared.length);
      for (const one of prepared) this.#accept(one);
    } catch {
      // A batch ends anywhere, and does not say where: once more, one by one.
      for (const [index, one] of prepared.entries()) {
        const value = values.slice(index * serviceValueLayout.size, (index + 1) * serviceValueLayout.size);
        const reason = this.#publishOne(one, value);
        if (reason !== undefined) refusals.push({ key: one.key, reason });
      }
    }
    return refusals;
  }

  #publishOne(one: Prepared, value: Uint8Array): string | undefined {
    try {
      this.#maps.services.update(one.key, value);
    } catch (error) {
      this.#backends.discard(one.added);
      if (!this.#sharesExtent(one)) this.#slots.retire(one.record.slotBase, one.record.total);
      return describeError(error);
    }
    this.#accept(one);
    return undefined;
  }

  #accept(one: Prepared): void {
    this.#programmed.set(keyText(one.key), one.record);
    this.#serviceIds.add(one.record.serviceId);
    this.#backends.quarantine(one.ids.subarray(one.keepable));
    this.#backends.retire(one.removed);
    if (one.before !== undefined && !this.#sharesExtent(one)) {
      this.#slots.retire(one.before.slotBase, one.before.total);
    }
  }

  #sharesExtent({ before, record }: Prepared): boolean {
    return before !== undefined && before.slotBase === record.slotBase && before.total === record.total;
  }

  *#removeAll(keys: Iterable<Uint8Array>): Generator<Refusal> {
    for (const key of keys) {
      try {
        this.#remove(key);
      } catch (error) {
        yield { key, reason: describeError(error) };
      }
    }
  }

  #remove(key: Uint8Array): void {
    this.#maps.services.delete(key);
    const record = this.get(key);
    if (record === undefined) return;
    this.#programmed.delete(keyText(key));
    this.#serviceIds.delete(record.serviceId);
    this.#backends.retire(this.#backendIds(record));
    this.#slots.retire(record.slotBase, record.total);
  }

  #backendIds(record: ServiceRecord): readonly number[] {
    const ids: number[] = [];
    for (let slot = 0; slot < record.total; slot++) ids.push(this.#maps.slots.backendId(record.slotBase + slot));
    return ids;
  }

  /** Numbers go up, so that a removed service's number does not soon mean another one. */
  #newServiceId(): number {
    do this.#lastServiceId = (this.#lastServiceId + 1) >>> 0;
    while (this.#lastServiceId === 0 || this.#serviceIds.has(this.#lastServiceId));
    return this.#lastServiceId;
  }
}

const settingFields = ['count', 'homeFirst', 'homeCount', 'flags', 'affinityTimeoutS'] as const;

function isSame(one: ServiceRecord, other: ServiceRecord): boolean {
  return settingFields.every((field) => one[field] === other[field]);
}
