import { Backoff, MeshError, describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger, Random } from '@clustermesh/runtime';

import type { EtcdConnection } from './connection.ts';
import { leaseGrant, leaseKeepAlive } from './methods.ts';

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
  readonly keys: Set<string>;
}

/** The leases that a writer's keys hang on: granted as needed, kept alive, and given up when the server lost them. */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #deps: LeaseDeps;
  readonly #held = new Map<bigint, HeldLease>();
  readonly #leaseByKey = new Map<string, HeldLease>();
  readonly #listeners = new Set<(keys: readonly string[]) => void>();
  #granting: Promise<void> = Promise.resolve();
  #filling: HeldLease | undefined;
  #checkNow = new AbortController();

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
      this.#leaseByKey.get(key)?.keys.delete(key);
      this.#leaseByKey.delete(key);
    }
  }

  releasePrefix(prefix: string): void {
    this.release([...this.#leaseByKey.keys()].filter((key) => key.startsWith(prefix)));
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
      let lease = this.#leaseByKey.get(key);
      if (lease === undefined) {
        lease = this.#spare() ?? (await this.#grant(signal));
        lease.keys.add(key);
        this.#leaseByKey.set(key, lease);
      }
      ids.push(lease.id);
    }
    return ids;
  }

  /** A lease with room: the one used last, else any. */
  #spare(): HeldLease | undefined {
    const hasRoom = (lease: HeldLease): boolean =>
      this.#held.has(lease.id) && lease.keys.size < this.#options.keysPerLease;
    if (this.#filling === undefined || !hasRoom(this.#filling)) this.#filling = [...this.#held.values()].find(hasRoom);
    return this.#filling;
  }

  async #grant(signal: AbortSignal): Promise<HeldLease> {
    const ttl = this.#options.leaseTtlSeconds;
    const { id } = await this.#deps.connection.unary(leaseGrant, ttl, `grant a lease of ${ttl} s`, signal);
    if (id === 0n) throw new MeshError('KV_REFUSED', `grant a lease of ${ttl} s: no id came back`);
    const lease = { id, keys: new Set<string>() };
    this.#held.set(id, lease);
    return lease;
  }

  #lose(leases: readonly HeldLease[]): void {
    const keys: string[] = [];
    for (const lease of leases) {
      if (!this.#held.delete(lease.id)) continue;
      for (const key of lease.keys) {
        this.#leaseByKey.delete(key);
        keys.push(key);
      }
    }
    if (leases.length > 0) this.#deps.log.warn({ leases: leases.length, keys: keys.length }, 'leases lost');
    if (keys.length > 0) for (const tell of this.#listeners) tell(keys);
  }
}
