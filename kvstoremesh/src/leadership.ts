import { KvLock } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import type { Clock } from '@clustermesh/runtime';

import type { Cache, CacheDeps } from './cache/cache.ts';

/** Cilium's (protocol.md §9.4): of its replicas and ours one mirrors. */
const lockPath = 'cilium/kvstoremesh-lock';
/** Whoever dies without a word is missed for so long. */
const lockLeaseSeconds = 25;
/** A replica that waits its turn serves what the leader mirrors. */
const readyWithoutLockMs = 10_000;

/** Whether this process mirrors, where several share a cache. */
export class Leadership {
  readonly #lock: KvLock | undefined;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #sinceMs: number;
  #isReadyWithout = false;

  constructor(lock: KvLock | undefined, clock: Pick<Clock, 'monotonicMs'>) {
    this.#lock = lock;
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  get isLeader(): boolean {
    return this.#lock?.isHeld !== false;
  }

  /** `ofLeader` is what the leader's readiness waits for; once ready it stays ready. */
  notReady(ofLeader: () => string | undefined): string | undefined {
    if (this.#isReadyWithout) return undefined;
    if (this.isLeader) return ofLeader();
    this.#isReadyWithout = this.#clock.monotonicMs() - this.#sinceMs >= readyWithoutLockMs;
    return this.#isReadyWithout ? undefined : `another replica holds ${lockPath}`;
  }

  guard(kv: KvStore): KvStore {
    return this.#lock?.guard(kv) ?? kv;
  }

  /** Until abort, which hands over; throws KV_LEADERSHIP_LOST. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#lock?.run(signal);
  }

  /** Resolves when this process leads, or on abort. */
  async held(signal: AbortSignal): Promise<void> {
    await this.#lock?.held(signal);
  }
}

/**
 * A lock on a session of its own, added to `stack`; undefined when stopped before the cache has answered. In a Redis it is one
 * a cluster: who was given another cluster's database by mistake may not keep that cluster's replicas waiting.
 */
export async function openLock(
  cache: Pick<Cache, 'open' | 'store'>,
  { cluster, ...deps }: CacheDeps & { readonly cluster: string },
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<KvLock | undefined> {
  const store = await cache.open(lockLeaseSeconds, signal);
  const path = cache.store === 'redis' ? `${lockPath}/${cluster}` : lockPath;
  return store && new KvLock(path, { ...deps, store: stack.use(store) });
}
