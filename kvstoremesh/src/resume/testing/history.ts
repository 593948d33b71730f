import type { KvReader, ResumePoint } from '@clustermesh/kvstore';

const never = new AbortController().signal;
/** Holds nothing, so that its listing is a point and no more. */
const empty = 'zzz/';

/** Where a store's history stands. */
export async function pointOf(store: KvReader): Promise<ResumePoint> {
  for await (const { phase, point } of store.watch(empty, {}, never)) if (phase === 'list-done') return point;
  throw new Error('a watch without an end of its list');
}

/** Of all that a test writes to a cache. */
const everything = 'c';

/** Everything that a store was told after a point, each write for itself, in order: `+key=value` and `-key`. */
export async function changesSince(store: KvReader, from: ResumePoint): Promise<string[]> {
  const { revision } = await pointOf(store);
  const changes: string[] = [];
  if (revision === from.revision) return changes;
  for await (const { phase, events, point } of store.watch(everything, { resume: from }, never)) {
    if (phase !== 'live') throw new Error(`revision ${from.revision} is not of this history`);
    for (const event of events) {
      changes.push(event.kind === 'put' ? `+${event.key}=${Buffer.from(event.value).toString()}` : `-${event.key}`);
    }
    if (point.revision >= revision) break;
  }
  return changes;
}
