import type { ListOptions, ObjectRef } from '@clustermesh/kube';
import type { Clock } from '@clustermesh/runtime';

import { badRequest, expired, methodNotAllowed, notFound, resourceVersionTooLarge } from './api-errors.ts';
import type { ApiObject } from './api-object.ts';
import { changeEvent } from './change-events.ts';
import type { ChangeEvent } from './change-events.ts';
import type { Collection } from './collection.ts';
import { decodeToken, encodeToken } from './continue-token.ts';
import type { Ledger } from './ledger.ts';
import { placeKey, presented } from './resource-slot.ts';
import type { ResourceSlots, ServedSlot, TypeRef } from './resource-slot.ts';
import { scaleOf } from './scale.ts';
import { objectFilter } from './selectors.ts';
import type { ObjectFilter } from './selectors.ts';

export interface ApiList {
  readonly items: readonly ApiObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface ReadOptions extends ListOptions {
  /** How to understand resourceVersion; without it, as "not older". */
  readonly resourceVersionMatch?: string;
}

export interface WatchOptions extends ReadOptions {
  readonly timeoutSeconds?: number;
  /** Begin with all objects, and tell by a bookmark that these were all, whatever resourceVersion says. */
  readonly sendInitialEvents?: boolean;
}

export type ApiWatchEvent =
  | ChangeEvent
  | {
      readonly type: 'BOOKMARK';
      readonly resourceVersion: string;
      /** The objects that were there have all been told. */
      readonly isInitialEnd?: boolean;
    };

export interface ReaderDeps {
  readonly slots: ResourceSlots;
  readonly ledger: Ledger;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** A quiet watch gets a bookmark this often. */
  readonly bookmarkMs: number;
}

/** get, list and watch. All errors are KubeStatusErrors. */
export class ObjectReader {
  readonly #deps: ReaderDeps;

  constructor(deps: ReaderDeps) {
    this.#deps = deps;
  }

  get(typeRef: TypeRef, ref: ObjectRef): ApiObject {
    const served = this.#deps.slots.find(typeRef);
    const object = served.slot.objects.get(placeKey(served.type, ref));
    if (object === undefined) throw notFound(served.type, ref.name);
    return presented(object, served);
  }

  getScale(typeRef: TypeRef, ref: ObjectRef): ApiObject {
    const { scale } = this.#deps.slots.find(typeRef).type;
    if (scale === undefined) throw methodNotAllowed();
    return scaleOf(this.get(typeRef, ref), scale);
  }

  /** A page is as of the revision of the first page; 410 when that is forgotten. */
  list(typeRef: TypeRef, options: ReadOptions): ApiList {
    const served = this.#deps.slots.find(typeRef);
    const token = options.continue === undefined ? undefined : decodeToken(options.continue);
    checkMatch(options);
    const revision = token?.revision ?? this.#listRevision(options);
    const objects = served.slot.objects.at(revision);
    if (objects === undefined)
      throw expired(
        token === undefined
          ? `The resourceVersion for the provided list is too old: ${revision}`
          : 'The provided continue parameter is too old to display a consistent list result.',
      );
    const isWanted = wantedBy(served, options);
    const found = [...objects].filter(([key, object]) => (token === undefined || key > token.key) && isWanted(object));
    found.sort(([a], [b]) => (a < b ? -1 : 1));
    const page = found.slice(0, options.limit === undefined || options.limit === 0 ? found.length : options.limit);
    const last = page.at(-1);
    const isCut = last !== undefined && page.length < found.length;
    return {
      items: page.map(([, object]) => presented(object, served)),
      resourceVersion: String(revision),
      ...(isCut
        ? { continue: encodeToken({ revision, key: last[0] }), remainingItemCount: found.length - page.length }
        : {}),
    };
  }

  /**
   * Without a resourceVersion (or with '0') begins with all objects as ADDED. Ends after timeoutSeconds, on abort,
   * or when the type is no longer served. Reads from the history, so that a slow consumer costs no memory: it is
   * told 410 once what it has not read yet is forgotten. What is wrong with the request itself is thrown at once.
   */
  watch(typeRef: TypeRef, options: WatchOptions, signal: AbortSignal): AsyncIterable<ApiWatchEvent> {
    const served = this.#deps.slots.find(typeRef);
    const isWanted = wantedBy(served, options);
    const { sendInitialEvents = false, resourceVersionMatch = '' } = options;
    if (sendInitialEvents !== (resourceVersionMatch !== '')) throw badRequest(initialEventsWhy);
    const start = this.#parseRevision(options.resourceVersion);
    return this.#events(served, isWanted, { ...options, start: sendInitialEvents ? undefined : start }, signal);
  }

  /** The newest is not older than any; only who says Exact, or reads in pages from a revision, gets that one. */
  #listRevision(options: ReadOptions): number {
    const revision = this.#parseRevision(options.resourceVersion);
    const { resourceVersionMatch = '', limit = 0 } = options;
    const isExact = resourceVersionMatch === 'Exact' || (resourceVersionMatch === '' && limit > 0);
    return isExact && revision !== undefined ? revision : this.#deps.ledger.revision;
  }

  async *#events(
    served: ServedSlot,
    isWanted: ObjectFilter,
    options: Pick<WatchOptions, 'timeoutSeconds' | 'sendInitialEvents'> & { readonly start: number | undefined },
    signal: AbortSignal,
  ): AsyncGenerator<ApiWatchEvent> {
    const { ledger, clock } = this.#deps;
    const endMs = clock.monotonicMs() + (options.timeoutSeconds ?? Infinity) * 1000;
    const position = options.start ?? ledger.revision;
    if (options.start === undefined) yield* initialEvents(served, isWanted);
    if (options.sendInitialEvents === true) {
      yield { type: 'BOOKMARK', resourceVersion: String(position), isInitialEnd: true };
    }
    for await (const event of this.#follow(served.slot.objects, isWanted, { position, endMs }, signal)) {
      yield event.type === 'BOOKMARK' ? event : { ...event, object: presented(event.object, served) };
    }
  }

  async *#follow(
    objects: Collection,
    isWanted: ObjectFilter,
    from: { readonly position: number; readonly endMs: number },
    signal: AbortSignal,
  ): AsyncGenerator<ApiWatchEvent> {
    const { ledger, clock, bookmarkMs } = this.#deps;
    let { position } = from;
    let bookmarkAtMs = Math.min(from.endMs, clock.monotonicMs() + bookmarkMs);
    while (!signal.aborted) {
      const changed = objects.changed(); // asked for first: a change during the reading below is not slept over
      const changes = objects.since(position);
      if (changes === undefined) throw expired(`too old resource version: ${position} (${ledger.revision})`);
      for (const change of changes) {
        const event = changeEvent(change, isWanted);
        if (event !== undefined) yield event;
        position = change.revision;
      }
      if (changes.length > 0) continue;
      position = ledger.revision;
      const nowMs = clock.monotonicMs();
      if (nowMs >= bookmarkAtMs) {
        yield { type: 'BOOKMARK', resourceVersion: String(position) };
        bookmarkAtMs = Math.min(from.endMs, nowMs + bookmarkMs);
      }
      if (objects.isClosed || nowMs >= from.endMs) return;
      await this.#waitForChange(changed, bookmarkAtMs - nowMs, signal);
    }
  }

  async #waitForChange(changed: Promise<unknown>, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const either = AbortSignal.any([signal, woken.signal]);
    await Promise.race([changed, this.#deps.clock.sleep(timeoutMs, either)]);
    woken.abort();
  }

  /** Undefined for "any": none given, or '0'. */
  #parseRevision(text: string | undefined): number | undefined {
    if (text === undefined || text === '' || text === '0') return undefined;
    const revision = Number(text);
    if (!/^\d+$/.test(text))
      throw badRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion must be a number`);
    const { revision: current } = this.#deps.ledger;
    if (revision > current) throw resourceVersionTooLarge(revision, current);
    return revision;
  }
}

const initialEventsWhy =
  'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, which is forbidden without it';

function checkMatch({ resourceVersion = '', resourceVersionMatch = '', continue: token }: ReadOptions): void {
  if (token !== undefined && !['', '0'].includes(resourceVersion)) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (resourceVersionMatch === '') return;
  if (!['NotOlderThan', 'Exact'].includes(resourceVersionMatch)) {
    throw badRequest(`resourceVersionMatch: Unsupported value: ${JSON.stringify(resourceVersionMatch)}`);
  }
  if (resourceVersion === '') throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (token !== undefined) throw badRequest('resourceVersionMatch is forbidden when continue is provided');
  if (resourceVersionMatch === 'Exact' && resourceVersion === '0') {
    throw badRequest('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
}

function wantedBy(served: ServedSlot, options: ListOptions): ObjectFilter {
  const bySelectors = objectFilter(served.type, options);
  const { namespace } = options;
  if (namespace === undefined || !served.type.namespaced) return bySelectors;
  return (object) => object.metadata.namespace === namespace && bySelectors(object);
}

function* initialEvents(served: ServedSlot, isWanted: ObjectFilter): Generator<ChangeEvent> {
  const now: Collection = served.slot.objects;
  for (const object of [...now.objects()].filter(isWanted)) {
    yield { type: 'ADDED', object: presented(object, served) };
  }
}
