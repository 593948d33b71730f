import { Backoff, MeshError, describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger, Random } from '@clustermesh/runtime';

import { KeyTable } from '../key-table/key-table.ts';
import { WordRows } from '../key-table/word-rows.ts';
import type { KvOp } from '../kv-store.ts';
import type { EtcdConnection } from './connection.ts';
import { leaseGrant, leaseKeepAlive, leaseRevoke } from './methods.ts';

export interface LeaseOptions {
  readonly leaseTtlSeconds: number;
  /** etcd gets slow when many keys hang on one lease (etcd issue 15993). */
  readonly keysPerLease: number;
}

export interface LeaseDeps {
  readonly connection: EtcdConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface HeldLease {
  readonly id: bigint;
  /** Ours, from 1: what is kept of each key. */
  readonly number: number;
  keys: number;
}

/** Leases of a history that was undone, and the keys that are still to be put or deleted anew. */
interface FormerLeases {
  readonly ids: readonly bigint[];
  readonly owed: Set<string>;
}

/** The leases that a writer's keys hang on: granted as needed, kept alive, and given up when the server lost them. */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #deps: LeaseDeps;
  readonly #held = new Map<bigint, HeldLease>();
  readonly #byNumber = new Map<number, HeldLease>();
  readonly #withRoom = new Set<HeldLease>();
  readonly #keys = new KeyTable();
  /** Of a key's slot, the number of its lease. */
  readonly #numbers = new WordRows(1);
  #lastNumber = 0;
  readonly #listeners = new Set<(keys: readonly string[]) => void>();
  #granting: Promise<void> = Promise.resolve();
  #checkNow = new AbortController();
  #former: FormerLeases | undefined;

  constructor(options: LeaseOptions, deps: LeaseDeps) {
    this.#options = options;
    this.#deps = deps;
    deps.connection.onConnected(() => this.#checkNow.abort());
    deps.connection.onStoreChanged(() => this.#lose([...this.#held.values()]));
  }

  /** How many are held. */
  get size(): number {
    return this.#held.size;
  }

  onLost(listener: (keys: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The lease of each key, which has it until `release`. Grants what is missing, one caller at a time. */
  async assign(keys: readonly string[], signal: AbortSignal): Promise<readonly bigint[]> {
    const turn = this.#granting.then(() => this.#assign(keys, signal));
    this.#granting = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** These keys are deleted: their places are free. */
  release(keys: Iterable<string>): void {
    for (const key of keys) {
      const slot = this.#keys.find(key);
      if (slot >= 0) this.#release(slot);
    }
  }

  /**
   * The server has what hung on them as it was at some time in the past. All is told as lost, and put on other leases;
   * then the old ones are revoked, with what the server still has and should not. Until then they live as long as they do.
   */
  giveUp(): void {
    const { ids = [], owed = new Set<string>() } = this.#former ?? {};
    for (const slot of this.#slots()) owed.add(this.#keys.keyAt(slot));
    this.#former = { ids: [...ids, ...this.#held.keys()], owed };
    this.#lose([...this.#held.values()]);
  }

  /** The server has acknowledged these. */
  settled(batch: readonly KvOp[]): void {
    const former = this.#former;
    if (former === undefined) return;
    for (const op of batch) {
      const keys = op.kind === 'delete-prefix' ? [...former.owed].filter((key) => key.startsWith(op.prefix)) : [op.key];
      for (const key of keys) former.owed.delete(key);
    }
    if (former.owed.size > 0) return;
    this.#former = undefined;
    for (const id of former.ids) void this.#revoke(id);
  }

  releasePrefix(prefix: string): void {
    for (const slot of this.#slots()) if (this.#keys.keyAt(slot).startsWith(prefix)) this.#release(slot);
  }

  /** Until abort: renews every third of the TTL, and at once after a reconnect. */
  async keepAlive(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps;
    const periodMs = (this.#options.leaseTtlSeconds * 1_000) / 3;
    const backoff = new Backoff({ baseMs: 250, capMs: Math.min(periodMs, 10_000), random });
    let waitMs = periodMs;
    while (!signal.aborted) {
      this.#checkNow = new AbortController();
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#checkNow.signal]));
      try {
        await this.renew(signal);
        backoff.reset();
        waitMs = periodMs;
      } catch (error) {
        if (isAborted(signal)) return;
        waitMs = backoff.next();
        log.warn({ reason: describeError(error), leases: this.size, waitMs }, 'leases not renewed, will retry');
      }
    }
  }

  /** Asks for all leases at once; gives up those that the server does not know any more. */
  async renew(signal: AbortSignal): Promise<void> {
    const ids = [...this.#held.keys()];
    if (ids.length === 0) return;
    const lost: HeldLease[] = [];
    let answered = 0;
    const replies = this.#deps.connection.stream(leaseKeepAlive, ids, 'renew leases', signal);
    for await (const { id, ttl } of replies) {
      const lease = this.#held.get(id);
      if (ttl <= 0 && lease !== undefined) lost.push(lease);
      if (++answered === ids.length) break;
    }
    this.#lose(lost);
  }

  async #assign(keys: readonly string[], signal: AbortSignal): Promise<readonly bigint[]> {
    const ids: bigint[] = [];
    for (const key of keys) {
      const slot = this.#keys.find(key);
      const held = slot < 0 ? this.#withRoom.values().next().value : this.#byNumber.get(this.#numbers.get(slot, 0));
      const lease = held ?? (await this.#grant(signal));
      if (slot < 0) this.#place(key, lease);
      ids.push(lease.id);
    }
    return ids;
  }

  #place(key: string, lease: HeldLease): void {
    this.#numbers.set(this.#keys.hold(key), 0, lease.number);
    if (++lease.keys >= this.#options.keysPerLease) this.#withRoom.delete(lease);
  }

  async #grant(signal: AbortSignal): Promise<HeldLease> {
    const ttl = this.#options.leaseTtlSeconds;
    const { id } = await this.#deps.connection.unary(leaseGrant, ttl, `grant a lease of ${ttl} s`, signal);
    if (id === 0n) throw new MeshError('KV_REFUSED', `grant a lease of ${ttl} s: no id came back`);
    const lease = { id, number: ++this.#lastNumber, keys: 0 };
    this.#held.set(id, lease);
    this.#byNumber.set(lease.number, lease);
    this.#withRoom.add(lease);
    return lease;
  }

  /** Where that fails, the lease ends by itself. */
  async #revoke(id: bigint): Promise<void> {
    const { connection, log } = this.#deps;
    try {
      await connection.unary(leaseRevoke, id, `revoke lease ${id.toString(16)}`, new AbortController().signal);
    } catch (error) {
      log.debug({ reason: describeError(error) }, 'former lease not revoked');
    }
  }

  #release(slot: number): void {
    const lease = this.#byNumber.get(this.#numbers.get(slot, 0));
    this.#numbers.set(slot, 0, 0);
    this.#keys.release(slot);
    if (lease === undefined) return;
    lease.keys--;
    this.#withRoom.add(lease);
  }

  #lose(leases: readonly HeldLease[]): void {
    const lost = new Set<number>();
    for (const lease of leases) {
      if (!this.#held.delete(lease.id)) continue;
      this.#byNumber.delete(lease.number);
      this.#withRoom.delete(lease);
      lost.add(lease.number);
    }
    const keys: string[] = [];
    for (const slot of lost.size > 0 ? this.#slots() : []) {
      if (!lost.has(this.#numbers.get(slot, 0))) continue;
      keys.push(this.#keys.keyAt(slot));
      this.#release(slot);
    }
    if (leases.length > 0) this.#deps.log.warn({ leases: leases.length, keys: keys.length }, 'leases lost');
    if (keys.length > 0) for (const tell of this.#listeners) tell(keys);
  }

  /** Of all keys that have a lease; they may be released meanwhile. */
  *#slots(): Generator<number> {
    for (let slot = 0; slot < this.#keys.slots; slot++) if (this.#numbers.get(slot, 0) !== 0) yield slot;
  }
}
