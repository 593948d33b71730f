import { MeshError } from '@clustermesh/runtime';

import { transactionLimits } from '../transactions.ts';
import { names } from './keyspace.ts';
import { scanPrefix } from './listing.ts';
import type { RedisSession } from './redis-session.ts';
import { transact } from './transact.ts';

export interface SweepOptions {
  readonly writer: string;
  readonly storeId: string;
  readonly streamBytes: number;
}

/** Deletes what a dead writer wrote last, then forgets the writer. Several may do it at the same time. Returns how many. */
export async function sweepWriter(
  session: RedisSession,
  { writer, storeId, streamBytes }: SweepOptions,
): Promise<number> {
  const attempted = `delete the keys of dead writer ${writer}`;
  const scope = { storeId, writer: '', told: 0n, streamBytes };
  let deleted = 0;
  for await (const page of scanPrefix(session, '')) {
    const ops = page
      .filter((entry) => entry.writer === writer)
      .map(({ key }) => ({ kind: 'delete-of', key, writer }) as const);
    for (let at = 0; at < ops.length; at += transactionLimits.ops) {
      const outcome = await transact(session, ops.slice(at, at + transactionLimits.ops), scope, attempted);
      if (typeof outcome !== 'bigint') throw new MeshError('KV_STORE_CHANGED', attempted, { retryable: true });
    }
    deleted += ops.length;
  }
  await session.call(['SREM', names.writers, writer], attempted);
  return deleted;
}
