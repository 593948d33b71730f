import { hasCode } from '@clustermesh/runtime';

import { prefixEnd } from '../key-range.ts';
import type { KvEvent, ResumePoint, WatchBatch, WatchOptions } from '../kv-store.ts';
import type { EtcdConnection } from './connection.ts';
import { classifyCancel } from './grpc-errors.ts';
import { fingerprints, listPrefix, toPut } from './list.ts';
import type { WatchEvent, WatchResponse } from './messages.ts';
import { range, watch } from './methods.ts';

/**
 * Lists, or resumes, and follows one prefix (docs/spec/watch-store.md). One stream a watch: its reply of creation,
 * which for a denied watch carries no id of ours (protocol.md §1.6), is then the stream's first message, and a slow
 * caller holds back its own watch only.
 */
export async function* watchPrefix(
  connection: EtcdConnection,
  prefix: string,
  options: WatchOptions & { readonly pageSize: number },
  signal: AbortSignal,
): AsyncGenerator<WatchBatch> {
  const witnesses = options.witnesses ?? [];
  let point = options.resume;
  try {
    while (!signal.aborted) {
      point ??= yield* listPrefix(connection, prefix, { witnesses, pageSize: options.pageSize }, signal);
      yield* follow(connection, prefix, { point, witnesses }, signal);
      point = undefined;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Returns when only a new listing can tell what has happened. */
async function* follow(
  connection: EtcdConnection,
  prefix: string,
  from: { readonly point: ResumePoint; readonly witnesses: readonly string[] },
  signal: AbortSignal,
): AsyncGenerator<WatchBatch> {
  const attempted = `watch ${prefix}`;
  let { point } = from;
  const create = { key: prefix, rangeEnd: prefixEnd(prefix), startRevision: point.revision + 1n };
  try {
    for await (const response of connection.stream(watch, [create], attempted, signal)) {
      // First of all: such a message carries no revision in its header.
      if (response.compactRevision > 0n) return;
      if (response.canceled) throw classifyCancel(response.cancelReason, attempted);
      // The watch is there: whatever is wiped from now on breaks it.
      if (response.created && !(await isSameHistory(connection, prefix, from, signal))) return;
      point = advance(point, response);
      yield { phase: 'live', events: response.events.map(toEvent), point };
    }
  } catch (error) {
    // What was missed does not fit into a message (many large revisions, a deleted prefix): page by page, then.
    if (!hasCode(error, 'KV_TOO_LARGE')) throw error;
  }
}

/**
 * The store's id alone does not prove it: the witnesses as they stood at our revision must be those that we saw.
 * Asking at that revision fails when it is compacted, or not reached yet by a store that was wiped.
 */
async function isSameHistory(
  connection: EtcdConnection,
  prefix: string,
  { point, witnesses }: { readonly point: ResumePoint; readonly witnesses: readonly string[] },
  signal: AbortSignal,
): Promise<boolean> {
  if (connection.storeId !== point.storeId) return false;
  try {
    const { revision } = point;
    const found = await fingerprints(connection, witnesses, revision, signal);
    const request = { key: prefix, revision, limit: 1, keysOnly: true };
    if (found.size === 0) await connection.unary(range, request, `look at revision ${revision}`, signal);
    return witnesses.every((key) => found.get(key) === point.witnesses.get(key));
  } catch (error) {
    if (hasCode(error, 'KV_COMPACTED', 'KV_STORE_CHANGED')) return false;
    throw error;
  }
}

/**
 * Up to where everything has been seen. Not the header's revision: in a catch-up it is the store's, far ahead of the
 * events sent so far; a message ends at the end of a revision. No events: the server tells its progress.
 */
export function advance(point: ResumePoint, response: WatchResponse): ResumePoint {
  if (response.created) return point;
  const revision = response.events.at(-1)?.kv.modRevision ?? response.header.revision;
  return revision > point.revision ? { ...point, revision } : point;
}

function toEvent({ isDelete, kv }: WatchEvent): KvEvent {
  return isDelete ? { kind: 'delete', key: kv.key, modRevision: kv.modRevision } : toPut(kv);
}
