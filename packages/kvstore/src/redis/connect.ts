import { MeshError, describeError } from '@clustermesh/runtime';

import type { KvStore } from '../kv-store.ts';
import { CredentialsFolder } from './credentials-folder.ts';
import { openRedisKvStore } from './open.ts';
import { parseRedisUrl } from './redis-address.ts';
import type { RedisDeps } from './redis-kv-store.ts';

/** Which Redis, and where it is said who we are there: as settings have it. */
export interface RedisPlace {
  /** See `parseRedisUrl`. It may hold a password: `description` is what to show. */
  readonly url: string;
  /** See `CredentialsFolder`; '': all is in the URL. */
  readonly credentials: string;
  readonly description: string;
}

/** Readers have no session; writers keep their registration alive for so many seconds. */
export type RedisUse = { readonly session: false } | { readonly session: true; readonly leaseTtlSeconds: number };

/** @throws MeshError CONFIG_INVALID that begins with the name of the setting and never shows a password */
export function redisPlace(setting: string, url: string, credentials: string): RedisPlace {
  try {
    return { url, credentials, description: parseRedisUrl(url).description };
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', `${setting}: ${describeError(error)}`);
  }
}

/** Opens a Redis with the credentials as they are now; those that are renewed later serve the next connection. */
export async function connectRedis(
  { url, credentials: path }: RedisPlace,
  use: RedisUse,
  deps: RedisDeps,
  signal: AbortSignal,
): Promise<KvStore> {
  const folder = path === '' ? undefined : await CredentialsFolder.open(path, deps);
  const credentials = folder && (() => folder.read());
  return openRedisKvStore({ ...use, url, credentials }, deps, signal);
}
