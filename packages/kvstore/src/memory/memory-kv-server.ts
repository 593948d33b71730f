import type { Clock } from '@clustermesh/runtime';

import { hashText } from '../bytes-hash.ts';
import type { KvEntry, KvEvent, KvOp } from '../kv-store.ts';
import { WakeUp } from '../wake-up.ts';

export interface MemoryKvServerOptions {
  readonly clock: Clock;
  /** The cluster id that clients pin. */
  readonly storeId?: bigint;
  /** Larger puts are refused; etcd's default of 1.5 MiB. */
  readonly maxValueBytes?: number;
}

interface Entry extends KvEntry {
  readonly lease: number;
}

interface MemoryLease {
  readonly id: number;
  readonly ttlMs: number;
  expiresAtMs: number;
  readonly keys: Set<string>;
}

/** What a store of etcd's kind keeps: revisions, history since the last compaction, leases. Clients: MemoryKvStore. */
export class MemoryKvServer implements Disposable {
  readonly maxValueBytes: number;
  /** Wakes watches: something was written, or contact was cut. */
  readonly changed = new WakeUp();
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #entries = new Map<string, Entry>();
  readonly #leases = new Map<number, MemoryLease>();
  /** One element a revision, from the first after the compacted one. */
  readonly #history: (readonly KvEvent[])[] = [];
  #storeId: bigint;
  #revision = 1n;
  #compacted = 1n;
  #lastLease = 0;
  #cuts = 0;
  #isUp = true;

  /** Like a database at its quota: refuses puts, with KV_NO_SPACE, until set back. */
  isFull = false;

  constructor({ clock, storeId = 1n, maxValueBytes = 1_572_864 }: MemoryKvServerOptions) {
    this.#clock = clock;
    this.#storeId = storeId;
    this.maxValueBytes = maxValueBytes;
  }

  get storeId(): bigint {
    return this.#storeId;
  }

  get revision(): bigint {
    return this.#revision;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** How often contact was cut: what began before the last cut is over. */
  get cuts(): number {
    return this.#cuts;
  }

  get(key: string): KvEntry | undefined {
    return this.#entries.get(key);
  }

  /** Sorted by key, as of now. */
  list(prefix: string): KvEntry[] {
    const found = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Tells this key's present incarnation and value from any other; '' when there is none. */
  fingerprint(key: string): string {
    const entry = this.#entries.get(key);
    return entry === undefined ? '' : `${entry.createRevision}:${hashText(entry.value)}`;
  }

  /** Undefined when that part of the history is compacted or lies ahead. */
  eventsAfter(revision: bigint): readonly (readonly KvEvent[])[] | undefined {
    if (revision < this.#compacted || revision > this.#revision) return undefined;
    return this.#history.slice(Number(revision - this.#compacted));
  }

  /** One transaction, one revision; the ops' keys are distinct. */
  apply(ops: readonly KvOp[], lease: number): bigint {
    const revision = this.#revision + 1n;
    const events = ops.flatMap((op) => this.#applyOp(op, revision, lease));
    if (events.length === 0) return this.#revision;
    this.#revision = revision;
    this.#history.push(events);
    this.changed.wake();
    return revision;
  }

  grantLease(ttlMs: number): number {
    const lease = {
      id: ++this.#lastLease,
      ttlMs,
      expiresAtMs: this.#clock.monotonicMs() + ttlMs,
      keys: new Set<string>(),
    };
    this.#leases.set(lease.id, lease);
    void this.#expire(lease);
    return lease.id;
  }

  hasLease(id: number): boolean {
    return this.#leases.has(id);
  }

  /** False: there is no such lease any more. */
  renewLease(id: number): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.expiresAtMs = this.#clock.monotonicMs() + lease.ttlMs;
    return true;
  }

  // What tests do to a store.

  compact(revision = this.#revision): void {
    this.#history.splice(0, Number(revision - this.#compacted));
    this.#compacted = revision;
  }

  /** Empty, from revision 1, under the same id unless another is given; contact is cut. */
  wipe(storeId = this.#storeId): void {
    this.#entries.clear();
    this.#leases.clear();
    this.#history.length = 0;
    this.#revision = this.#compacted = 1n;
    this.#storeId = storeId;
    this.disconnectAll();
  }

  /** Every watch and call under way ends; new ones are accepted. */
  disconnectAll(): void {
    this.#cuts++;
    this.changed.wake();
  }

  /** No contact until `start`; time goes on, also for leases. */
  stop(): void {
    this.#isUp = false;
    this.disconnectAll();
  }

  start(): void {
    this.#isUp = true;
  }

  revokeLeases(): void {
    for (const lease of [...this.#leases.values()]) this.#revoke(lease);
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    this.stop();
  }

  #applyOp(op: KvOp, revision: bigint, lease: number): KvEvent[] {
    if (op.kind === 'delete-prefix') return this.list(op.prefix).map(({ key }) => this.#remove(key, revision));
    const { key } = op;
    if (op.kind === 'delete') return this.#entries.has(key) ? [this.#remove(key, revision)] : [];
    const before = this.#entries.get(key);
    this.#leases.get(before?.lease ?? 0)?.keys.delete(key);
    this.#leases.get(lease)?.keys.add(key);
    const value = Uint8Array.from(op.value);
    const createRevision = before?.createRevision ?? revision;
    this.#entries.set(key, { key, value, createRevision, modRevision: revision, lease });
    return [{ kind: 'put', key, value, modRevision: revision }];
  }

  #remove(key: string, revision: bigint): KvEvent {
    this.#leases.get(this.#entries.get(key)?.lease ?? 0)?.keys.delete(key);
    this.#entries.delete(key);
    return { kind: 'delete', key, modRevision: revision };
  }

  #revoke(lease: MemoryLease): void {
    this.#leases.delete(lease.id);
    this.apply(
      [...lease.keys].map((key) => ({ kind: 'delete', key })),
      0,
    );
  }

  async #expire(lease: MemoryLease): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#leases.get(lease.id) === lease && !signal.aborted) {
      const leftMs = lease.expiresAtMs - this.#clock.monotonicMs();
      if (leftMs <= 0) this.#revoke(lease);
      else await this.#clock.sleep(leftMs, signal);
    }
  }
}
