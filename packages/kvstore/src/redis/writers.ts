import { MeshError } from '@clustermesh/runtime';

import { names } from './keyspace.ts';
import type { RedisSession } from './redis-session.ts';

/** Writers that nobody has declared dead, and whether their key is there. */
export async function lookAtWriters(
  session: RedisSession,
  attempted: string,
): Promise<ReadonlyMap<string, { readonly silent: boolean }>> {
  const ids = (await session.call(['HKEYS', names.writers], attempted)) as readonly Buffer[];
  const writers = ids.map((id) => id.toString('latin1'));
  const alive = await Promise.all(writers.map((id) => session.call(['EXISTS', names.writer(id)], attempted)));
  return new Map(writers.map((id, index) => [id, { silent: Number(alive[index]) === 0 }]));
}

/**
 * The key of no writer is there; or there has never been one, and so no store. What is stored may be long out of date: that
 * is told as lost contact, not as deletes.
 */
export async function areWritersSilent(session: RedisSession, attempted: string): Promise<boolean> {
  const writers = await lookAtWriters(session, attempted);
  return [...writers.values()].every(({ silent }) => silent);
}

export function silenceOfWriters(attempted: string): MeshError {
  const text = `${attempted}: nobody writes to it, at least not for as long as the keys of writers live; is kvstoremesh running?`;
  return new MeshError('KV_UNAVAILABLE', text, { retryable: true });
}
