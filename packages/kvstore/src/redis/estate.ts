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
    const keys = page.filter(({ writer }) => writer === from).map(({ key }) => key);
    for (let at = 0; at < keys.length; at += opsPerCommit) {
      // Only now: a key that was put while the last ones were settled is held again, and an heir's own may be deleted.
      const ops = keys.slice(at, at + opsPerCommit).flatMap((key) => decide(key, options));
      if (ops.length === 0) continue;
      const outcome = await transact(session, ops, heir, { ...limits, attempted });
      // The next renewal finds out which of the losses it is.
      if (typeof outcome !== 'bigint') throw new MeshError('KV_LEASE_LOST', attempted, { retryable: true });
      const settled = ops.filter(({ kind }) => kind === 'take').map(({ key }) => key);
      taken.push(...settled);
      deleted += ops.length - settled.length;
    }
  }
  return { taken, deleted };
}

function decide(key: string, { from: writer, heir, holds, deletes }: EstateOptions): readonly TransactionOp[] {
  if (!holds(key)) return deletes ? [{ kind: 'delete-of', key, writer }] : [];
  return writer === heir.writer ? [] : [{ kind: 'take', key, writer }];
}
