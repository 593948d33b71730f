import { MeshError } from '@clustermesh/runtime';

import type { RedisSession } from './redis-session.ts';

/** The session, if its server can keep a store; else it is closed, and the reason thrown. */
export async function assertUsable(
  session: RedisSession,
  { mustBePrimary }: { readonly mustBePrimary: boolean },
): Promise<RedisSession> {
  try {
    const info = String(await session.call(['INFO'], session.attempted));
    const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
    const objection = findObjection(field, mustBePrimary);
    if (objection !== undefined) throw objection(session.attempted);
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

function findObjection(
  field: (name: string) => string,
  mustBePrimary: boolean,
): ((attempted: string) => MeshError) | undefined {
  if (mustBePrimary && field('role') !== 'master') {
    // Of Sentinels that are behind; those know better in a moment.
    const text = 'it is a replica, though a Sentinel names it as the primary';
    return (attempted) => new MeshError('KV_UNAVAILABLE', `${attempted}: ${text}`, { retryable: true });
  }
  if (field('cluster_enabled') === '1') {
    const text = 'it is part of a Redis Cluster, which is not supported: one primary is needed';
    return (attempted) => new MeshError('KV_REFUSED', `${attempted}: ${text}`, { retryable: true });
  }
  const policy = field('maxmemory_policy');
  if (policy === 'noeviction' || policy === '' || field('maxmemory') === '0') return undefined;
  const text = `it throws keys away when memory is short (maxmemory-policy ${policy}); set noeviction`;
  return (attempted) => new MeshError('KV_REFUSED', `${attempted}: ${text}`, { retryable: true });
}
