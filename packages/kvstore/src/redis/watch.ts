import { MeshError, hasCode } from '@clustermesh/runtime';

import type { ResumePoint, WatchBatch, WatchOptions } from '../kv-store.ts';
import type { ChangeTail } from './change-tail.ts';
import { decodeCommits, decodeMeta, follows, readChangesAfter, readMeta } from './changes.ts';
import type { Commit } from './changes.ts';
import { listPrefix, readPoint } from './listing.ts';
import type { RedisSession } from './redis-session.ts';
import { areWritersSilent, silenceOfWriters } from './writers.ts';

/** So many revisions of others are passed over in silence; then the caller gets a newer point to resume from. */
const silentRevisions = 1_000n;

export interface WatchDeps {
  readonly session: () => Promise<RedisSession>;
  readonly tail: () => Promise<ChangeTail>;
  readonly pageSize: number;
}

/** Lists, or resumes, and follows one prefix (ADR 195). */
export async function* watchPrefix(
  deps: WatchDeps,
  prefix: string,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch> {
  let session: RedisSession | undefined;
  let tail: ChangeTail | undefined;
  try {
    if (signal.aborted) return;
    session = await deps.session();
    if (await areWritersSilent(session, `watch ${prefix}`)) throw silenceOfWriters(`watch ${prefix}`);
    let point = await resumed(session, prefix, options);
    if (point !== undefined) yield { phase: 'live', events: [], point };
    while (!signal.aborted) {
      const { witnesses = [] } = options;
      point ??= yield* listPrefix(session, prefix, { witnesses, pageSize: deps.pageSize }, signal);
      // Not before: who only lists, as a writer does at its start, need not hear of all that is written.
      tail ??= await deps.tail();
      // One that was made after a cut does not fail by it, and may even be with another server.
      session.assertOpen(`watch ${prefix}`);
      yield* follow({ session, tail }, prefix, point, signal);
      point = undefined;
    }
  } catch (error) {
    if (signal.aborted) return;
    // It may be either connection whose server has another history: the next watch makes both anew.
    if (hasCode(error, 'KV_STORE_CHANGED')) {
      session?.close();
      tail?.close();
    }
    throw error;
  }
}

/** The point to go on from, if this is the history that it is of; whether it is trimmed shows by reading on. */
async function resumed(
  session: RedisSession,
  prefix: string,
  { resume, witnesses = [] }: WatchOptions,
): Promise<ResumePoint | undefined> {
  if (resume === undefined) return undefined;
  const now = await readPoint(session, witnesses, `resume ${prefix}`);
  if (now.storeId !== resume.storeId || now.revision < resume.revision) return undefined;
  if (!witnesses.every((key) => now.witnesses.get(key) === resume.witnesses.get(key))) return undefined;
  return Array.isArray(await readCommits(session, resume, prefix)) ? resume : undefined;
}

/** Returns when only a new listing can tell what has happened. */
async function* follow(
  { session, tail }: { readonly session: RedisSession; readonly tail: ChangeTail },
  prefix: string,
  from: ResumePoint,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch> {
  let point = from;
  let told = from.revision;
  while (!signal.aborted) {
    const { revision } = point;
    const { head } = tail;
    const commits = tail.after(point) ?? (await readCommits(session, point, prefix));
    if (commits === 'trimmed') return;
    if (commits === 'other') throw storeChanged(prefix);
    const last = commits.at(-1);
    if (last !== undefined) point = { ...point, revision: last.revision, mark: last.mark };
    const events = commits.flatMap(({ packed, revision: at }) => packed.eventsUnder(prefix, at));
    if (events.length > 0 || point.revision - told >= silentRevisions) {
      told = point.revision;
      yield { phase: 'live', events, point };
    } else if (commits.length === 0) {
      // The tail is with a server that has more, which this one never had.
      if (head > revision) throw storeChanged(prefix);
      await tail.changed.until(() => tail.failed || tail.head > revision, signal);
    }
  }
}

/** The next commits after a point, from the stream: it may be trimmed further than that, or be another history's. */
async function readCommits(
  session: RedisSession,
  point: ResumePoint,
  prefix: string,
): Promise<readonly Commit[] | 'trimmed' | 'other'> {
  const { revision, storeId } = point;
  const [meta, entries] = await session.atOneMoment(readMeta, [readChangesAfter(revision)], `watch ${prefix}`);
  const now = decodeMeta(meta);
  if (now.storeId !== storeId || now.revision < revision) return 'other';
  if (now.revision === revision) return now.mark === point.mark ? [] : 'other';
  const commits = decodeCommits(entries);
  const [next] = commits;
  if (next?.revision !== revision + 1n) return 'trimmed';
  return follows(next, point) ? commits : 'other';
}

function storeChanged(prefix: string): MeshError {
  return new MeshError('KV_STORE_CHANGED', `watch ${prefix}: another store answers`, { retryable: true });
}
