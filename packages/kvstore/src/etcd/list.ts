import { ScopedAbort, hasCode } from '@clustermesh/runtime';

import { hashText } from '../bytes-hash.ts';
import { prefixEnd } from '../key-range.ts';
import type { KvEvent, ResumePoint, WatchBatch } from '../kv-store.ts';
import type { EtcdConnection } from './connection.ts';
import type { ListedPage } from './listed-page.ts';
import type { KeyValue, RangeRequest } from './messages.ts';
import { listPage, txn } from './methods.ts';

/** A page of about this size is big enough to be efficient and far from the largest message. */
const comfortableBytes = 524_288;
const maxPageKeys = 8_192;
/** Entries that are told together. */
const partKeys = 512;

interface Fetched {
  readonly page: ListedPage;
  /** How many keys to ask for next. */
  readonly nextSize: number;
}

/**
 * Lists a prefix page by page at the revision of its first page, fetching one page ahead. The caller goes on with
 * the returned point.
 */
export async function* listPrefix(
  connection: EtcdConnection,
  prefix: string,
  options: { readonly witnesses: readonly string[]; readonly pageSize: number },
  signal: AbortSignal,
): AsyncGenerator<WatchBatch, ResumePoint> {
  using listing = new ScopedAbort(signal);
  const both = listing.signal;
  const rangeEnd = prefixEnd(prefix);
  let { page, nextSize } = await fetchPage(connection, { key: prefix, rangeEnd }, options.pageSize, both);
  const { clusterId: storeId, revision } = page.header;
  const witnesses = await fingerprints(connection, options.witnesses, revision, both);
  const point = { storeId, revision, witnesses };
  for (let last = page.lastKey; page.more && last !== undefined; last = page.lastKey) {
    const next = fetchPage(connection, { key: `${last}\0`, rangeEnd, revision }, nextSize, both);
    // The caller may stop here; then nobody waits for the page that was fetched ahead.
    next.catch(() => undefined);
    for (let from = 0; from < page.count; from += partKeys) {
      yield { phase: 'list', events: page.puts(from, from + partKeys), point };
    }
    ({ page, nextSize } = await next);
  }
  let from = 0;
  for (; from + partKeys < page.count; from += partKeys) {
    yield { phase: 'list', events: page.puts(from, from + partKeys), point };
  }
  yield { phase: 'list-done', events: page.puts(from, page.count), point };
  return point;
}

/** Fewer keys a page when the message gets too large, more when it is small. */
async function fetchPage(
  connection: EtcdConnection,
  request: RangeRequest,
  size: number,
  signal: AbortSignal,
): Promise<Fetched> {
  for (let limit = size; ; limit = Math.ceil(limit / 2)) {
    try {
      const page = await connection.unary(listPage, { ...request, limit }, `list ${request.key}`, signal);
      return { page, nextSize: nextPageSize(limit, page.byteLength) };
    } catch (error) {
      if (limit === 1 || !hasCode(error, 'KV_TOO_LARGE')) throw error;
    }
  }
}

export function nextPageSize(size: number, pageBytes: number): number {
  return pageBytes * 2 <= comfortableBytes ? Math.min(size * 2, maxPageKeys) : size;
}

/**
 * Create revision and hash of the value, at `revision`, of keys that tell one history from another. A revision in
 * the create revision's place alone would not do: a store that was wiped and filled by the same start-up writes the
 * same keys at the same revisions.
 */
export async function fingerprints(
  connection: EtcdConnection,
  keys: readonly string[],
  revision: bigint,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (keys.length === 0) return new Map();
  const ops = keys.map((key) => ({ kind: 'range', range: { key, revision } }) as const);
  const { ranges } = await connection.unary(txn, ops, `read witnesses ${keys.join(', ')}`, signal);
  return new Map(
    keys.map((key, index) => {
      const found = ranges[index]?.kvs[0];
      return [key, found === undefined ? '' : `${found.createRevision}:${hashText(found.value)}`];
    }),
  );
}

export function toPut({ key, value, modRevision }: KeyValue): KvEvent {
  return { kind: 'put', key, value, modRevision };
}
