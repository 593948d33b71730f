import { connectRedis } from '@clustermesh/kvstore';
import type { KvStore, RedisPlace } from '@clustermesh/kvstore';
import { MeshError } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';
import { cacheOwnerKey } from '@clustermesh/wire';

/** Opens the Redis that kvstoremesh mirrors into, once that holds this cluster's cache and no other's. */
export async function openRedisCache(
  place: RedisPlace,
  cluster: string,
  deps: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<KvStore> {
  const store = await connectRedis(place, { session: false }, deps, signal);
  try {
    await requireOwner(store, place.description, cluster, signal);
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** An empty database is not a mesh without clusters: who began to read it would forget what is in the maps (I4, I7). */
export async function requireOwner(
  store: Pick<KvStore, 'get'>,
  address: string,
  cluster: string,
  signal: AbortSignal,
): Promise<void> {
  const attempted = `read the cache at ${address}`;
  const found = await store.get(cacheOwnerKey, signal);
  if (found === undefined) {
    const what = 'nothing is mirrored there yet; has kvstoremesh the same --cache, with the same database?';
    throw new MeshError('KV_UNAVAILABLE', `${attempted}: ${what}`, { retryable: true });
  }
  const owner = Buffer.from(found.value).toString();
  if (owner === cluster) return;
  const what = `it is the cache of cluster ${owner}, and this is ${cluster}: each cluster needs a database of its own`;
  throw new MeshError('KV_OTHER_OWNER', `${attempted}: ${what}`, { retryable: true });
}
