import { hashBytes } from '../bytes-hash.ts';
import type { ResumePoint } from '../kv-store.ts';
import { names } from './keyspace.ts';
import { PackedCommit } from './packed-ops.ts';
import type { Command } from './redis-session.ts';

/**
 * Where in a history: after which commit. A server that has lost its last commits, by a failover or a restart, gives their
 * revisions again, but not their marks.
 */
export interface Position {
  readonly revision: bigint;
  readonly mark: string;
}

/** What one revision changed. */
export interface Commit extends Position {
  /** The mark of the one before it. */
  readonly previous: string;
  readonly packed: PackedCommit;
  readonly bytes: number;
}

/** Commits of one read: with the size at which writers cut them, what a reader holds at most. */
export const commitsPerRead = 32;

/** Above any: what is asked for begins with the next revision. */
const maxMark = 2n ** 64n - 1n;

export function readChangesAfter(revision: bigint): Command {
  return ['XRANGE', names.changes, `${revision + 1n}`, '+', 'COUNT', commitsPerRead];
}

/** Waits on the server, at most `blockMs`. */
export function awaitChangesAfter(revision: bigint, blockMs: number): Command {
  return ['XREAD', 'COUNT', commitsPerRead, 'BLOCK', blockMs, 'STREAMS', names.changes, `${revision}-${maxMark}`];
}

/** Entries as XRANGE answers them. */
export function decodeCommits(entries: unknown): Commit[] {
  return (entries as readonly (readonly [Buffer, readonly [Buffer, Buffer]])[]).map(([id, [previous, packed]]) => {
    const dash = id.indexOf(0x2d);
    const revision = BigInt(id.toString('latin1', 0, dash));
    return {
      revision,
      mark: id.toString('latin1', dash + 1),
      previous: previous.toString('latin1'),
      packed: new PackedCommit(packed),
      bytes: packed.length + 64,
    };
  });
}

/** Does a commit come right after a position, in one history? */
export function follows(commit: Commit, { revision, mark }: Pick<ResumePoint, 'revision' | 'mark'>): boolean {
  return commit.revision - 1n === revision && commit.previous === mark;
}

export interface StoreState extends Position {
  readonly storeId: bigint;
}

export const readMeta: Command = ['HMGET', names.meta, 'id', 'revision', 'mark'];

export function decodeMeta(reply: unknown): StoreState {
  const [id, revision, mark] = (reply as readonly (Buffer | null)[]).map((bytes) => bytes?.toString('latin1'));
  const { high, low } = hashBytes(Buffer.from(id ?? ''), { high: 0, low: 0 });
  return { storeId: (BigInt(high) << 32n) | BigInt(low), revision: BigInt(revision ?? '0'), mark: mark ?? '' };
}
