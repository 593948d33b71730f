import { deepFreeze } from './api-object.ts';
import type { ApiObject } from './api-object.ts';

export interface Change {
  readonly revision: number;
  readonly key: string;
  readonly before: ApiObject | undefined;
  /** Undefined: deleted. */
  readonly after: ApiObject | undefined;
}

/**
 * The objects of one type and their latest changes. A change knows what was before it, so that the state at any
 * revision within the window can be rebuilt: a list in pages and a watch need no copies and no queues.
 */
export class Collection {
  readonly #objects = new Map<string, ApiObject>();
  readonly #windowSize: number;
  #changes: Change[] = [];
  #floor: number;
  #isClosed = false;
  #next = Promise.withResolvers<undefined>();

  /** Nothing is known of what was before `revision`. */
  constructor(revision: number, windowSize: number) {
    this.#floor = revision;
    this.#windowSize = windowSize;
  }

  get size(): number {
    return this.#objects.size;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get(key: string): ApiObject | undefined {
    return this.#objects.get(key);
  }

  keys(): readonly string[] {
    return [...this.#objects.keys()];
  }

  objects(): IterableIterator<ApiObject> {
    return this.#objects.values();
  }

  entries(): IterableIterator<[string, ApiObject]> {
    return this.#objects.entries();
  }

  /** An object that was there before this collection's history begins. */
  load(key: string, object: ApiObject): void {
    this.#objects.set(key, deepFreeze(object));
  }

  /** `after` undefined deletes. */
  commit(key: string, after: ApiObject | undefined, revision: number): void {
    const before = this.#objects.get(key);
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, deepFreeze(after));
    this.#changes.push({ revision, key, before, after });
    // Trimmed by halves: the cost of moving the array is spread over many changes.
    if (this.#changes.length >= 2 * this.#windowSize) this.#forget(this.#windowSize);
    this.#announce();
  }

  /** Forgets all changes, as etcd does on compaction. */
  compact(): void {
    this.#forget(this.#changes.length);
    this.#announce();
  }

  /** The type is no longer served: watches end. */
  close(): void {
    this.#isClosed = true;
    this.#announce();
  }

  /** Changes after `revision`, oldest first; undefined when some of them are forgotten. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#floor) return undefined;
    return this.#changes.slice(this.#indexAfter(revision));
  }

  /** All objects as they were at `revision`, by key; undefined when that is forgotten. */
  at(revision: number): ReadonlyMap<string, ApiObject> | undefined {
    const later = this.since(revision);
    if (later === undefined) return undefined;
    if (later.length === 0) return this.#objects;
    const state = new Map(this.#objects);
    for (const { key, before } of later.toReversed()) {
      if (before === undefined) state.delete(key);
      else state.set(key, before);
    }
    return state;
  }

  /** Resolves at the next commit, compaction or closing. */
  changed(): Promise<unknown> {
    return this.#next.promise;
  }

  #forget(count: number): void {
    this.#floor = this.#changes[count - 1]?.revision ?? this.#floor;
    this.#changes = this.#changes.slice(count);
  }

  #announce(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers();
    resolve(undefined);
  }

  #indexAfter(revision: number): number {
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? Infinity) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
