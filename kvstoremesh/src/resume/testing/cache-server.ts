import { EtcdKvStore, openRedisKvStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { TestEtcd, TestRedis } from '@clustermesh/testkit';

const never = new AbortController().signal;

export interface RestartHow {
  readonly wipe?: boolean;
  readonly kept?: boolean;
}

export interface CacheUse {
  readonly session: boolean;
  readonly leaseTtlSeconds?: number;
  /** Of a proxy in between. */
  readonly port?: number;
}

/** A real store that holds the cache of a kvstoremesh, and what a test does to it. */
/** A real store that holds the cache of a kvstoremesh, and what a test does to it. */
export interface CacheServer extends AsyncDisposable {
  readonly port: number;
  open(use: CacheUse): Promise<KvStore>;
  /** With a history that can be asked from the first write on, also after a wipe. */
  restart(how?: RestartHow): Promise<void>;
  kill(): Promise<void>;
  /** For `restart` with `kept`. */
  keep(): Promise<void>;
  /** Whoever writes is forgotten by the store. */
  loseWriters(): Promise<void>;
}

export interface CacheKind {
  readonly name: 'etcd' | 'Redis';
  /** Deletes what a writer wrote when it has not heard of it for as long as a lease lives. */
  readonly takesKeysAlong: boolean;
  start(): Promise<CacheServer>;
}

export const cacheKinds: readonly CacheKind[] = [
  { name: 'etcd', takesKeysAlong: true, start: async () => new EtcdCache(await TestEtcd.start()) },
  { name: 'Redis', takesKeysAlong: false, start: () => RedisCache.start() },
];

class EtcdCache implements CacheServer {
  readonly #etcd: TestEtcd;

  constructor(etcd: TestEtcd) {
    this.#etcd = etcd;
  }

  get port(): number {
    return this.#etcd.port;
  }

  open({ port = this.port, ...use }: CacheUse): Promise<KvStore> {
    return openEtcd(port, use);
  }

  restart(how?: RestartHow): Promise<void> {
    return this.#etcd.restart(how);
  }

  kill(): Promise<void> {
    return this.#etcd.kill();
  }

  keep(): Promise<void> {
    return this.#etcd.keep();
  }

  loseWriters(): Promise<void> {
    return this.#etcd.revokeLeases();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#etcd[Symbol.asyncDispose]();
  }
}

class RedisCache implements CacheServer {
  readonly #redis: TestRedis;

  private constructor(redis: TestRedis) {
    this.#redis = redis;
  }

  static async start(): Promise<RedisCache> {
    const cache = new RedisCache(await TestRedis.start());
    await cache.#begin();
    return cache;
  }

  get port(): number {
    return this.#redis.port;
  }

  open({ port = this.port, ...use }: CacheUse): Promise<KvStore> {
    return openRedisKvStore({ url: `redis://127.0.0.1:${port}`, ...use }, { clock, log }, never);
  }

  async restart(how?: RestartHow): Promise<void> {
    await this.#redis.restart(how);
    await this.#begin();
  }

  kill(): Promise<void> {
    return this.#redis.kill();
  }

  keep(): Promise<void> {
    return this.#redis.keep();
  }

  async loseWriters(): Promise<void> {
    const writers = await this.#redis.cli('HKEYS', 'clustermesh:writers');
    for (const writer of writers.split('\n')) await this.#redis.cli('DEL', `clustermesh:writer:${writer}`);
  }

  /** The first writer makes the store's history. */
  async #begin(): Promise<void> {
    const writer = await this.open({ session: true, leaseTtlSeconds: 900 });
    await writer[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#redis[Symbol.asyncDispose]();
  }
}

function openEtcd(port: number, use: Omit<CacheUse, 'port'>): Promise<EtcdKvStore> {
  return EtcdKvStore.open({ endpoints: [`http://127.0.0.1:${port}`], ...use }, { clock, random, log }, never);
}
