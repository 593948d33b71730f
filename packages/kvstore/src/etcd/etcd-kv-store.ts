import type { Clock, Logger, Random } from '@clustermesh/runtime';

import type { CommitResult, KvEntry, KvOp, KvStore, WatchBatch, WatchOptions } from '../kv-store.ts';
import { Committer } from './committer.ts';
import { EtcdConnection } from './connection.ts';
import { parseEndpoint } from './endpoint.ts';
import type { EtcdTls } from './endpoint.ts';
import { EtcdAuth } from './etcd-auth.ts';
import { Leases } from './leases.ts';
import { range, txn } from './methods.ts';
import { watchPrefix } from './watch.ts';
import { WriteGate } from './write-gate.ts';
import type { WhenAuthIsOff } from './write-gate.ts';

/** How a client spends connections and requests; by default as protocol.md §3.1 and §3.9 have it. */
export interface EtcdTuning {
  readonly keepaliveMs?: number;
  readonly keepaliveTimeoutMs?: number;
  /** Keys of a listing's first page. */
  readonly pageSize?: number;
  /** Transactions at a time, of all callers together. */
  readonly maxInFlight?: number;
}

export interface EtcdOptions extends EtcdTuning {
  /** `https://host:2379`; tried in turn, one used at a time. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls | undefined;
  /** Reads `tls` anew before each handshake, so that renewed certificates are taken by the next connection. */
  readonly readTls?: (() => Promise<EtcdTls>) | undefined;
  /** Host name to addresses, instead of DNS. */
  readonly hostAliases?: ReadonlyMap<string, readonly string[]>;
  /** Writers hang their keys on leases; readers take none (protocol.md §3.2). */
  readonly session: boolean;
  readonly requestTimeoutMs?: number;
  readonly leaseTtlSeconds?: number;
  readonly keysPerLease?: number;
  /** Given: nothing is written while the etcd's authorisation is off (`WriteGate`). */
  readonly whenAuthIsOff?: WhenAuthIsOff | undefined;
}

export interface EtcdDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Protocol.md §3.1, §3.2 and §3.9. */
const defaults = {
  keepaliveMs: 15_000,
  keepaliveTimeoutMs: 25_000,
  requestTimeoutMs: 30_000,
  pageSize: 256,
  leaseTtlSeconds: 900,
  keysPerLease: 1_000,
  maxInFlight: 16,
};

/** KvStore on a real etcd (3.4 and later), over one connection. */
export class EtcdKvStore implements KvStore {
  readonly description: string;
  readonly #pageSize: number;
  readonly #connection: EtcdConnection;
  readonly #leases: Leases | undefined;
  readonly #committer: Committer;
  readonly #closing = new AbortController();
  readonly #keepAlive: Promise<void>;

  private constructor(options: EtcdOptions, deps: EtcdDeps) {
    const settings = { ...defaults, ...options };
    const aliases = options.hostAliases ?? new Map<string, string[]>();
    const endpoints = options.endpoints.map((text) => parseEndpoint(text, aliases, options.tls !== undefined));
    this.description = endpoints.map(({ url }) => url).join(', ');
    this.#pageSize = settings.pageSize;
    this.#connection = new EtcdConnection({ ...settings, endpoints }, deps);
    this.#leases = options.session ? new Leases(settings, { ...deps, connection: this.#connection }) : undefined;
    const { whenAuthIsOff, maxInFlight } = settings;
    const gate = whenAuthIsOff && new WriteGate(this.#connection, new EtcdAuth(this.#connection), whenAuthIsOff);
    this.#committer = new Committer(this.#connection, { leases: this.#leases, gate, maxInFlight });
    this.#keepAlive = this.#leases?.keepAlive(this.#closing.signal) ?? Promise.resolve();
  }

  /** Connects and hears a first reply, which any certificate of the right CA gets; access is checked by each call. */
  static async open(options: EtcdOptions, deps: EtcdDeps, signal: AbortSignal): Promise<EtcdKvStore> {
    const store = new EtcdKvStore(options, deps);
    try {
      await store.answer(signal);
      return store;
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The etcd cluster's id, for people in lower-case hex; undefined while it is not known. */
  get storeId(): bigint | undefined {
    return this.#connection.storeId;
  }

  /** Users and roles, over the same connection. Not to be closed. */
  get auth(): Omit<EtcdAuth, typeof Symbol.dispose> {
    return new EtcdAuth(this.#connection);
  }

  /** How many leases this writer holds. */
  get leaseCount(): number {
    return this.#leases?.size ?? 0;
  }

  /** Resolves when the etcd has answered, which it does to any certificate of the right CA. */
  async answer(signal: AbortSignal): Promise<void> {
    await this.#connection.unary(txn, [], `connect to etcd at ${this.description}`, signal);
  }

  async get(key: string, signal: AbortSignal): Promise<KvEntry | undefined> {
    const { kvs } = await this.#connection.unary(range, { key }, `get ${key}`, signal);
    return kvs[0];
  }

  watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    return watchPrefix(this.#connection, prefix, { ...options, pageSize: this.#pageSize }, signal);
  }

  commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    return this.#committer.commit(ops, signal);
  }

  onLeaseLost(listener: (keys: readonly string[]) => void): () => void {
    return this.#leases?.onLost(listener) ?? ((): void => undefined);
  }

  /** Keys stay until their lease ends: a restart within the TTL is not seen by readers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#connection.close();
    await this.#keepAlive;
  }
}
