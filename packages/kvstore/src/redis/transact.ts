import { randomInt } from 'node:crypto';

import { MeshError } from '@clustermesh/runtime';

import { namespace } from './keyspace.ts';
import { packOps } from './packed-ops.ts';
import type { TransactionOp } from './packed-ops.ts';
import type { RedisSession } from './redis-session.ts';
import { commitScript } from './scripts.ts';

/** Who writes, and into which store. */
export interface Registration {
  readonly writer: string;
  readonly storeId: string;
  /** The last revision that this writer was told of. */
  told: bigint;
}

export interface StreamLimits {
  readonly ttlSeconds: number;
  readonly streamBytes: number;
}

/** Why a writer cannot go on under its registration. */
export type Loss = { readonly kind: 'store' | 'writer' } | { readonly kind: 'behind'; readonly wrote: bigint };

/** So many values that two histories hardly ever have the same at one revision. */
const marks = 2 ** 47;

/** One commit: hash and stream change together. Answers its revision, or why nothing was written. */
export async function transact(
  session: RedisSession,
  ops: readonly TransactionOp[],
  { writer, storeId, told }: Registration,
  { ttlSeconds, streamBytes, attempted }: StreamLimits & { readonly attempted: string },
): Promise<bigint | Loss> {
  const scope = [namespace, storeId, writer, String(told), streamBytes, ttlSeconds * 1_000, randomInt(marks)];
  const reply = await session.run(commitScript, [...scope, packOps(ops)], attempted);
  const [outcome, revision] = (reply as readonly Buffer[]).map((bytes) => bytes.toString('latin1'));
  if (outcome === 'done' && revision !== undefined) return BigInt(revision);
  if (outcome === 'behind' && revision !== undefined) return { kind: outcome, wrote: BigInt(revision) };
  if (outcome === 'store' || outcome === 'writer') return { kind: outcome };
  throw new MeshError('KV_REFUSED', `${attempted}: the commit script answered ${String(outcome)}`);
}
