import { Backoff, retryLoop } from '@clustermesh/runtime';
import { connectEtcdEventually, connectRedis, readEtcdClientFile } from '@clustermesh/kvstore';
import type { EtcdClientConfig, EtcdDeps, EtcdTuning, KvStore, RedisPlace } from '@clustermesh/kvstore';
import type { Health } from '@clustermesh/runtime';

import { cacheOwnerScope } from './cache-claim.ts';

export interface CacheDeps extends EtcdDeps {
  readonly health: Health;
}

/** Where what is mirrored goes. */
export interface Cache {
  readonly store: 'etcd' | 'redis';
  /** For people, without credentials. */
  readonly address: string;
  /** In health: how it is opened. */
  readonly scope: string;
  /**
   * Tries until it answers: it may start later than we do. What is written outlives this process for so many seconds.
   * Undefined when stopped before.
   */
  open(leaseTtlSeconds: number, signal: AbortSignal): Promise<KvStore | undefined>;
  /** May other replicas write to it, too? Not to one on this machine: it is this pod's own. */
  isShared(): Promise<boolean>;
}

export interface EtcdCache {
  /** The path of a client file, or what such a file says. */
  readonly at: string | EtcdClientConfig;
  /** Write only while etcd checks users. Setting it up is the apiserver's part. */
  readonly needsAuth: boolean;
  readonly tuning: EtcdTuning;
}

export function etcdCache({ at, needsAuth, tuning }: EtcdCache, deps: CacheDeps): Cache {
  const whenAuthIsOff = needsAuth ? () => Promise.resolve() : undefined;
  return {
    store: 'etcd',
    address: typeof at === 'string' ? at : at.endpoints.join(','),
    scope: 'local-etcd',
    open: (leaseTtlSeconds, signal) =>
      connectEtcdEventually(at, { session: true, leaseTtlSeconds, whenAuthIsOff, tuning }, deps, signal),
    isShared: async () => {
      const { endpoints } = typeof at === 'string' ? await readEtcdClientFile(at) : at;
      return !endpoints.every(isOnThisMachine);
    },
  };
}

export function redisCache(place: RedisPlace, deps: CacheDeps): Cache {
  const scope = 'cache';
  return {
    store: 'redis',
    address: place.description,
    scope,
    open: async (leaseTtlSeconds, signal) => {
      let opened: KvStore | undefined;
      const open = async (both: AbortSignal, progressed: () => void): Promise<void> => {
        opened = await connectRedis(place, { session: true, leaseTtlSeconds }, deps, both);
        progressed();
      };
      const backoff = new Backoff({ baseMs: 200, capMs: 5_000, random: deps.random });
      await retryLoop(open, { ...deps, name: scope, backoff }, signal);
      return opened;
    },
    isShared: () => Promise.resolve(!isOnThisMachine(place.description)),
  };
}

/** JSON of `GET /v1/cache`. */
export interface CacheStatus extends Pick<Cache, 'store' | 'address'> {
  /** Why it cannot be written to; '' while it can. */
  readonly problem: string;
}

export function cacheStatus({ store, address, scope }: Cache, health: Health): CacheStatus {
  const report = health.report();
  const opening = report.find(({ name }) => name === scope);
  if (opening === undefined) return { store, address, problem: `${address} has not answered yet` };
  const scopes = [opening, ...report.filter(({ name }) => name === cacheOwnerScope)];
  return { store, address, problem: scopes.find(({ state }) => state === 'degraded')?.reason ?? '' };
}

function isOnThisMachine(url: string): boolean {
  return /^[a-z]+:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?:[:/]|$)/.test(url);
}
