import type { KvStore } from '../kv-store.ts';
import type { RedisDeps, RedisTuning } from './redis-kv-store.ts';
import type { RedisOptions } from './redis-options.ts';

/** Opens a `RedisKvStore`. The client library is loaded by those only who use it. */
export async function openRedisKvStore(
  options: RedisOptions & RedisTuning,
  deps: RedisDeps,
  signal: AbortSignal,
): Promise<KvStore> {
  const { RedisKvStore } = await import('./redis-kv-store.ts');
  return RedisKvStore.open(options, deps, signal);
}
