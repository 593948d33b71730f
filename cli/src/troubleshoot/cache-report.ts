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

/** Everything that can go wrong with a Redis: elsewhere advice is about an etcd. */
const advice: Partial<Record<ErrorCode, string>> = {
  CONFIG_INVALID: 'correct the key cache in the ConfigMap clustermesh-config',
  FILE_UNREADABLE: 'correct the Secret clustermesh-cache-writer',
  HOST_UNREACHABLE: 'does a Redis run at this address and port, and does a firewall let us through?',
  HOST_UNRESOLVED: 'correct the address in --cache, or make the name known to the DNS of this place',
  KV_UNAUTHENTICATED: 'correct username and password in the Secret clustermesh-cache-writer, or the user there',
  KV_PERMISSION_DENIED: 'give the user the rights in deploy/redis-cache/users.acl',
  KV_REFUSED: 'set what the message says in the Redis, or name another server or database in --cache',
  KV_UNAVAILABLE: 'does it run, and does a firewall let us through? See its log',
  TIMEOUT: 'is it overloaded, or silent because only one side speaks TLS (rediss://, or redis:// without)?',
  TLS_UNTRUSTED: 'put the CA of its certificate as ca.crt into the Secret clustermesh-cache-writer',
  TLS_CERT_EXPIRED:
    'renew the certificate that the message names, of the Redis or in the Secret clustermesh-cache-writer',
  TLS_NAME_MISMATCH: 'name the server in --cache as its certificate does',
  TLS_CLIENT_REJECTED:
    'put a client certificate that it trusts as tls.crt and tls.key into the Secret clustermesh-cache-writer',
  TLS_INVALID: 'does the server speak TLS? Without it the address begins with redis://',
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
