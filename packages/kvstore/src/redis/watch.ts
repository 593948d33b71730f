import { MeshError } from '@clustermesh/runtime';

import type { ResumePoint, WatchBatch, WatchOptions } from '../kv-store.ts';
import type { ChangeTail } from './change-tail.ts';
import { assertLiveWriters, decodeCommits, decodeMeta, readChangesAfter, readMeta } from './changes.ts';
import type { Commit } from './changes.ts';
import { listPrefix, readPoint } from './listing.ts';
import type { RedisSession } from './redis-session.ts';

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
  try {
    if (signal.aborted) return;
    const session = await deps.session();
    await assertLiveWriters(session, `watch ${prefix}`);
    const tail = await deps.tail();
    let point = await resumed(session, prefix, options);
    if (point !== undefined) yield { phase: 'live', events: [], point };
    while (!signal.aborted) {
      const { witnesses = [] } = options;
      point ??= yield* listPrefix(session, prefix, { witnesses, pageSize: deps.pageSize }, signal);
      yield* follow({ session, tail }, prefix, point, signal);
      point = undefined;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
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
  return (await readCommits(session, resume, prefix)) === undefined ? undefined : resume;
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
    const commits = tail.after(revision, point.storeId) ?? (await readCommits(session, point, prefix));
    if (commits === undefined) return;
    point = { ...point, revision: commits.at(-1)?.revision ?? revision };
    const events = commits.flatMap((commit) => commit.events.filter(({ key }) => key.startsWith(prefix)));
    if (events.length > 0 || point.revision - told >= silentRevisions) {
      told = point.revision;
      yield { phase: 'live', events, point };
    } else if (commits.length === 0) {
      await tail.changed.until(() => tail.failed || tail.head > revision, signal);
    }
  }
}

/** The next commits after a point, from the stream; undefined when it is trimmed further than that. */
async function readCommits(
  session: RedisSession,
  { storeId, revision }: ResumePoint,
  prefix: string,
): Promise<readonly Commit[] | undefined> {
  const attempted = `watch ${prefix}`;
  const [meta, entries] = await session.atomically([readMeta, readChangesAfter(revision)], attempted);
  const now = decodeMeta(meta);
  if (now.storeId !== storeId || now.revision < revision) {
    throw new MeshError('KV_STORE_CHANGED', `${attempted}: another store answers`, { retryable: true });
  }
  const commits = decodeCommits(entries);
  const next = commits[0]?.revision ?? now.revision + 1n;
  return next === revision + 1n ? commits : undefined;
}
