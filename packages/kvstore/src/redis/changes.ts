import { MeshError } from '@clustermesh/runtime';

import { hashBytes } from '../bytes-hash.ts';
import type { KvEvent } from '../kv-store.ts';
import { names } from './keyspace.ts';
import type { Command, RedisSession } from './redis-session.ts';

/** What one revision changed. */
export interface Commit {
  readonly revision: bigint;
  readonly events: readonly KvEvent[];
  readonly bytes: number;
}

/** Commits of one read: with the size at which writers cut them, what a reader holds at most. */
export const commitsPerRead = 32;

export function readChangesAfter(revision: bigint): Command {
  return ['XRANGE', names.changes, `(${revision}-0`, '+', 'COUNT', commitsPerRead];
}

/** Waits on the server, at most `blockMs`. */
export function awaitChangesAfter(revision: bigint, blockMs: number): Command {
  return ['XREAD', 'COUNT', commitsPerRead, 'BLOCK', blockMs, 'STREAMS', names.changes, `${revision}-0`];
}

/** Entries as XRANGE answers them. */
export function decodeCommits(entries: unknown): Commit[] {
  return (entries as readonly (readonly [Buffer, readonly Buffer[]])[]).map(([id, fields]) => {
    const revision = BigInt(id.toString('latin1', 0, id.indexOf(0x2d)));
    const events: KvEvent[] = [];
    let bytes = 64;
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [key, change] = [fields[at] as Buffer, fields[at + 1] as Buffer];
      bytes += key.length + change.length + 64;
      events.push(toEvent(key.toString('latin1'), change, revision));
    }
    return { revision, events, bytes };
  });
}

function toEvent(key: string, change: Buffer, modRevision: bigint): KvEvent {
  if (change[0] !== 0x2b) return { kind: 'delete', key, modRevision };
  return { kind: 'put', key, value: change.subarray(1), modRevision };
}

export interface StoreState {
  readonly storeId: bigint;
  readonly revision: bigint;
}

export const readMeta: Command = ['HMGET', names.meta, 'id', 'revision'];

export function decodeMeta(reply: unknown): StoreState {
  const [id, revision] = reply as readonly (Buffer | null)[];
  const { high, low } = hashBytes(Buffer.from(id?.toString('latin1') ?? ''), { high: 0, low: 0 });
  return { storeId: (BigInt(high) << 32n) | BigInt(low), revision: BigInt(revision?.toString('latin1') ?? '0') };
}

/**
 * Throws when there have been writers and none lives: what is stored may be long out of date, so it is told as lost
 * contact, not as deletes.
 */
export async function assertLiveWriters(session: RedisSession, attempted: string): Promise<void> {
  const writers = (await session.call(['SMEMBERS', names.writers], attempted)) as readonly Buffer[];
  if (writers.length === 0) return;
  const keys = writers.map((id) => names.writer(id.toString('latin1')));
  if (Number(await session.call(['EXISTS', ...keys], attempted)) > 0) return;
  const text = `${attempted}: its writers are silent for longer than their keys live; is kvstoremesh running?`;
  throw new MeshError('KV_UNAVAILABLE', text, { retryable: true });
}
