import { MeshError } from '@clustermesh/runtime';

import { scanPrefix } from './listing.ts';
import type { TransactionOp } from './packed-ops.ts';
import type { RedisSession } from './redis-session.ts';
import { transact } from './transact.ts';
import type { Registration, StreamLimits } from './transact.ts';

export interface EstateOptions {
  /** Whose keys. */
  readonly from: string;
  /** Who takes what it holds of them. */
  readonly heir: Registration;
  readonly holds: (key: string) => boolean;
  /** Also deletes what the heir does not hold. */
  readonly deletes: boolean;
  readonly limits: StreamLimits;
}

export interface Settled {
  readonly taken: readonly string[];
  readonly deleted: number;
}

const opsPerCommit = 128;

/** Goes through what a writer wrote last, page by page. Several may do it at the same time. */
export async function settleEstate(session: RedisSession, options: EstateOptions): Promise<Settled> {
  const { from, heir, limits } = options;
  const attempted = `settle the keys of writer ${from}`;
  const taken: string[] = [];
  let deleted = 0;
  for await (const page of scanPrefix(session, '')) {
    const ops = page.filter(({ writer }) => writer === from).flatMap(({ key }) => decide(key, options));
    for (let at = 0; at < ops.length; at += opsPerCommit) {
      const outcome = await transact(session, ops.slice(at, at + opsPerCommit), heir, { ...limits, attempted });
      // The next renewal finds out which of the losses it is.
      if (typeof outcome !== 'bigint') throw new MeshError('KV_LEASE_LOST', attempted, { retryable: true });
    }
    for (const { kind, key } of ops) {
      if (kind === 'take') taken.push(key);
      else deleted++;
    }
  }
  return { taken, deleted };
}

function decide(key: string, { from: writer, heir, holds, deletes }: EstateOptions): readonly TransactionOp[] {
  if (!holds(key)) return deletes ? [{ kind: 'delete-of', key, writer }] : [];
  return writer === heir.writer ? [] : [{ kind: 'take', key, writer }];
}
