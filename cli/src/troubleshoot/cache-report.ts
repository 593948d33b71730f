import { connectRedis, redisPlace } from '@clustermesh/kvstore';
import { silentLogger as log } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';
import { cacheOwnerKey } from '@clustermesh/wire';

import { attempt } from './attempt.ts';
import type { Patience } from './attempt.ts';
import { failed, passed, warned } from './check.ts';
import type { Check } from './check.ts';
import type { ClusterReport } from './judge.ts';
import type { Attempt } from './observation.ts';

export interface CacheRequest {
  /** Address of a Redis. */
  readonly url: string;
  /** Folder, '' for none. */
  readonly credentials: string;
  readonly ownName: string | undefined;
}

const advice: Partial<Record<ErrorCode, string>> = {
  CONFIG_INVALID: 'correct the key cache in the ConfigMap clustermesh-config',
  KV_UNAUTHENTICATED: 'correct username and password in the Secret clustermesh-cache-writer, or the user there',
  KV_PERMISSION_DENIED: 'give the user the rights in deploy/redis-cache/users.acl',
  KV_REFUSED: 'set what the message says in the Redis',
  KV_UNAVAILABLE: 'does it run, and does a firewall let us through? See its log',
  TLS_UNTRUSTED: 'put the CA of its certificate as ca.crt into the Secret clustermesh-cache-writer',
};

/** Whether the Redis of the cache can be used from here, and whose cache it holds. Nothing is written. */
export async function cacheReport(
  request: CacheRequest,
  patience: Patience,
  signal: AbortSignal,
): Promise<ClusterReport> {
  const place = redisPlace('--cache', request.url, request.credentials);
  const look = async (both: AbortSignal): Promise<string | undefined> => {
    await using store = await connectRedis(place, { session: false }, { ...patience, log }, both);
    const found = await store.get(cacheOwnerKey, both);
    return found && Buffer.from(found.value).toString();
  };
  const owner = await attempt(`read ${place.description}`, look, patience, signal);
  const check = judgeCache(owner, request.ownName);
  const { ownName = 'the cache' } = request;
  return { cluster: ownName, own: true, path: place.description, verdict: check.verdict, checks: [check] };
}

function judgeCache(owner: Attempt<string | undefined>, ownName: string | undefined): Check {
  if (!owner.ok) return failed('cache', owner, advice[owner.code]);
  const { value: name } = owner;
  if (name === undefined) {
    const what = 'nothing is mirrored there yet';
    return warned('cache', what, 'does kvstoremesh run, with the same --cache and the same database?');
  }
  if (name === (ownName ?? name)) return passed('cache', `holds the cache of cluster ${name}`);
  const problem = `it holds the cache of cluster ${name}, and this is ${ownName ?? ''}`;
  return failed('cache', { code: 'KV_OTHER_OWNER', problem }, 'give each cluster a database of its own');
}
