import { hashText } from '../bytes-hash.ts';
import type { KvEntry, KvEvent, ResumePoint, WatchBatch } from '../kv-store.ts';
import { decodeMeta, readMeta } from './changes.ts';
import { decodeEntry, mayHold, names, placeOf, soleGroupOf } from './keyspace.ts';
import type { StoredEntry } from './keyspace.ts';
import type { Command, RedisSession } from './redis-session.ts';

export interface ScannedEntry extends StoredEntry {
  readonly key: string;
}

/** A hint to HSCAN. */
const scanCount = 256;

export async function getEntry(session: RedisSession, key: string): Promise<KvEntry | undefined> {
  const { group, name } = placeOf(key);
  const reply = (await session.call(['HGET', names.keys(group), name], `get ${key}`)) as Buffer | null;
  const entry = reply === null ? undefined : decodeEntry(reply);
  if (entry === undefined) return undefined;
  const { value, createRevision, modRevision } = entry;
  return { key, value, createRevision, modRevision };
}

/** Store, revision and witnesses of one moment. */
export async function readPoint(
  session: RedisSession,
  witnesses: readonly string[],
  attempted: string,
): Promise<ResumePoint> {
  const gets = witnesses.map((key): Command => {
    const { group, name } = placeOf(key);
    return ['HGET', names.keys(group), name];
  });
  const [meta, ...found] = await session.atOneMoment(readMeta, gets, attempted);
  const prints = witnesses.map((key, index) => [key, fingerprint(found[index] as Buffer | null)] as const);
  return { ...decodeMeta(meta), witnesses: new Map(prints) };
}

function fingerprint(reply: Buffer | null): string {
  const entry = reply === null ? undefined : decodeEntry(reply);
  return entry === undefined ? '' : `${entry.createRevision}:${hashText(entry.value)}`;
}

/** Pages of what is stored under a prefix. What changes during the scan may be in it or not. */
export async function* scanPrefix(session: RedisSession, prefix: string): AsyncGenerator<ScannedEntry[]> {
  for (const group of await groupsFor(session, prefix)) {
    let cursor = '0';
    do {
      const scan: Command = ['HSCAN', names.keys(group), cursor, 'COUNT', scanCount];
      const [next, fields] = (await session.call(scan, `list ${prefix}`)) as [Buffer, readonly Buffer[]];
      cursor = next.toString('latin1');
      yield decodeFields(group, fields).filter(({ key }) => key.startsWith(prefix));
    } while (cursor !== '0');
  }
}

async function groupsFor(session: RedisSession, prefix: string): Promise<readonly string[]> {
  const sole = soleGroupOf(prefix);
  if (sole !== undefined) return [sole];
  const groups = (await session.call(['SMEMBERS', names.groups], `list ${prefix}`)) as readonly Buffer[];
  const texts = groups.map((group) => group.toString('latin1'));
  return texts.filter((group) => mayHold(group, prefix)).sort();
}

function decodeFields(group: string, fields: readonly Buffer[]): ScannedEntry[] {
  const entries: ScannedEntry[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const entry = decodeEntry(fields[at + 1] as Buffer);
    if (entry !== undefined) entries.push({ key: group + (fields[at] as Buffer).toString('latin1'), ...entry });
  }
  return entries;
}

/**
 * Remembers the revision, then scans. Keys made after it are left to the changes that follow; a value that was
 * written after it is told now and, by the changes, once more.
 */
export async function* listPrefix(
  session: RedisSession,
  prefix: string,
  { witnesses, pageSize }: { readonly witnesses: readonly string[]; readonly pageSize: number },
  signal: AbortSignal,
): AsyncGenerator<WatchBatch, ResumePoint> {
  const point = await readPoint(session, witnesses, `list ${prefix}`);
  let events: KvEvent[] = [];
  for await (const page of scanPrefix(session, prefix)) {
    if (signal.aborted) return point;
    const listed = page.filter(({ createRevision }) => createRevision <= point.revision);
    events.push(...listed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(toPut));
    for (; events.length > pageSize; events = events.slice(pageSize)) {
      yield { phase: 'list', events: events.slice(0, pageSize), point };
    }
  }
  yield { phase: 'list-done', events, point };
  return point;
}

function toPut({ key, value, modRevision }: ScannedEntry): KvEvent {
  return { kind: 'put', key, value, modRevision };
}
