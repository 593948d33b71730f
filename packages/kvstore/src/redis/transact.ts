import { MeshError } from '@clustermesh/runtime';

import { namespace, placeOf } from './keyspace.ts';
import type { RedisSession } from './redis-session.ts';
import { commitScript } from './scripts.ts';

/** Why a writer cannot go on under its registration: the answers of the commit script. */
export type Loss = 'store' | 'writer' | 'behind';

/** `delete-of` deletes a key only if `writer` wrote it last. */
export type TransactionOp =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-of'; readonly key: string; readonly writer: string };

export interface TransactionScope {
  readonly storeId: string;
  /** '' for what belongs to nobody: deletes of a dead writer's keys. */
  readonly writer: string;
  /** The last revision that this writer was told of. */
  readonly told: bigint;
  readonly streamBytes: number;
}

/** One commit: hash and stream change together. Answers its revision, or why nothing was written. */
export async function transact(
  session: RedisSession,
  ops: readonly TransactionOp[],
  scope: TransactionScope,
  attempted: string,
): Promise<bigint | Loss> {
  const head = [namespace, scope.storeId, scope.writer, String(scope.told), scope.streamBytes];
  const reply = await session.call(['EVAL', commitScript, 0, ...head, ...ops.flatMap(toArguments)], attempted);
  const [outcome, revision] = (reply as readonly Buffer[]).map((bytes) => bytes.toString('latin1'));
  if (outcome === 'done' && revision !== undefined) return BigInt(revision);
  if (outcome === 'store' || outcome === 'writer' || outcome === 'behind') return outcome;
  throw new MeshError('KV_REFUSED', `${attempted}: the commit script answered ${String(outcome)}`);
}

function toArguments(op: TransactionOp): (string | Buffer)[] {
  const { group, name } = placeOf(op.key);
  if (op.kind === 'delete') return ['-', group, name, ''];
  if (op.kind === 'delete-of') return ['~', group, name, op.writer];
  return ['+', group, name, Buffer.from(op.value.buffer, op.value.byteOffset, op.value.byteLength)];
}
