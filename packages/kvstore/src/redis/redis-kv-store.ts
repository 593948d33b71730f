import type { Clock, Logger } from '@clustermesh/runtime';

import type { CommitResult, KvEntry, KvOp, KvStore, WatchBatch, WatchOptions } from '../kv-store.ts';
import { ChangeTail } from './change-tail.ts';
import { getEntry } from './listing.ts';
import { RedisCommitter, redisLimits } from './redis-committer.ts';
import { parseRedisUrl } from './redis-address.ts';
import { RedisLink } from './redis-link.ts';
import type { RedisOptions } from './redis-options.ts';
import { watchPrefix } from './watch.ts';
import { WriterLease } from './writer-lease.ts';

export interface RedisTuning {
  /** Writers register and keep their key alive; a store without only reads. */
  readonly session: boolean;
  readonly requestTimeoutMs?: number;
  readonly leaseTtlSeconds?: number;
  /** Keys of one batch of a listing. */
  readonly pageSize?: number;
  /** Transactions at a time, of all callers together. */
  readonly maxInFlight?: number;
  readonly maxValueBytes?: number;
  /** How long writers have to be silent, by one's own clock, after their keys have expired. */
  readonly silenceMs?: number;
  /** What the stream of changes may hold in Redis; readers further behind list again. */
  readonly streamBytes?: number;
  /** Of the newest changes, what a reader keeps for its watches. */
  readonly tailBytes?: number;
}

export interface RedisDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

const defaults = {
  requestTimeoutMs: 30_000,
  leaseTtlSeconds: 900,
  silenceMs: 30_000,
  pageSize: 256,
  maxInFlight: 8,
  maxValueBytes: 1_572_864,
  streamBytes: 67_108_864,
  tailBytes: 8_388_608,
};

/** KvStore on one Redis primary (6.2 and later, Valkey): a hash per cluster and kind and a stream of changes (ADR 195). */
export class RedisKvStore implements KvStore {
  readonly description: string;
  readonly transactionLimits = redisLimits;
  readonly #settings: RedisTuning & typeof defaults;
  readonly #link: RedisLink;
  readonly #lease: WriterLease;
  readonly #committer: RedisCommitter;
  readonly #closing = new AbortController();
  #keepAlive: Promise<void> = Promise.resolve();
  #tail: Promise<ChangeTail> | undefined;

  private constructor(options: RedisOptions & RedisTuning, deps: RedisDeps) {
    this.#settings = { ...defaults, ...options };
    const { leaseTtlSeconds: ttlSeconds, requestTimeoutMs, streamBytes, silenceMs } = this.#settings;
    const credentials = options.credentials ?? (() => Promise.resolve({}));
    this.#link = new RedisLink(parseRedisUrl(options.url), { credentials, requestTimeoutMs });
    this.description = this.#link.description;
    // Keys that have expired too early are there again before anybody minds.
    const renewMs = Math.min(ttlSeconds * 1_000, silenceMs) / 3;
    this.#lease = new WriterLease({ ttlSeconds, streamBytes, renewMs }, { ...deps, link: this.#link });
    this.#committer = new RedisCommitter(this.#link, this.#lease, this.#settings);
  }

  /** Connects, authenticates and, for a writer, registers. */
  static async open(options: RedisOptions & RedisTuning, deps: RedisDeps, signal: AbortSignal): Promise<RedisKvStore> {
    const store = new RedisKvStore(options, deps);
    const giveUp = (): void => store.#link.close();
    signal.addEventListener('abort', giveUp);
    try {
      await store.#link.session();
      if (options.session) {
        await store.#lease.registration();
        store.#keepAlive = store.#lease.keepAlive(store.#closing.signal);
      }
      return store;
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  async get(key: string): Promise<KvEntry | undefined> {
    return getEntry(await this.#link.session(), key);
  }

  watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const deps = {
      session: () => this.#link.session(),
      tail: () => this.#follow(),
      pageSize: this.#settings.pageSize,
    };
    return watchPrefix(deps, prefix, options, signal);
  }

  commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    return this.#committer.commit(ops, signal);
  }

  onLeaseLost(listener: (keys: readonly string[]) => void): () => void {
    return this.#lease.onLost(listener);
  }

  /** Keys stay until this writer's own key expires: a restart within the TTL is not seen by readers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#link.close();
    this.#tail?.then(
      (tail) => tail.close(),
      () => undefined,
    );
    await this.#keepAlive;
  }

  /** The tail of all watches; another one when the last has failed. */
  #follow(): Promise<ChangeTail> {
    const { tailBytes: maxBytes, silenceMs } = this.#settings;
    const start = (): Promise<ChangeTail> => ChangeTail.start(this.#link, { maxBytes, silenceMs });
    this.#tail = this.#tail?.then((tail) => (tail.failed ? start() : tail), start) ?? start();
    return this.#tail;
  }
}
