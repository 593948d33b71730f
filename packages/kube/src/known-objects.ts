import type { KubeObject } from './kube-client.ts';

export interface ObjectObserver<T> {
  upserted(object: T): void;
  /** With its last known state. */
  deleted(object: T): void;
}

export interface ListWatchObserver<T> extends ObjectObserver<T> {
  /** After each complete listing: what was told until now is all there was. */
  synced(): void;
}

/**
 * What a list-watch has told its observer so far: the one place that decides whether something is news. A listing
 * is `beginListing`, `upsert` of each item, `endListing`; only the end can tell what is gone (I3).
 */
export class KnownObjects<T extends KubeObject> {
  readonly #byKey = new Map<string, T>();
  #unlisted = new Set<string>();

  /** By `namespace/name`, or `name` of a cluster-scoped object. */
  get byKey(): ReadonlyMap<string, T> {
    return this.#byKey;
  }

  beginListing(): void {
    this.#unlisted = new Set(this.#byKey.keys());
  }

  /** Silent when this very version is known: a listing after a reconnect must not look like a change. */
  upsert(object: T, observer: ObjectObserver<T>): void {
    const key = objectKey(object);
    this.#unlisted.delete(key);
    const before = this.#byKey.get(key);
    const isSameObject = before?.metadata.uid === object.metadata.uid;
    if (isSameObject && before?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#byKey.set(key, object);
    // Deleted and created again under one name while we were cut off: two facts, as a connected watch would tell them.
    if (before !== undefined && !isSameObject) observer.deleted(before);
    observer.upserted(object);
  }

  /** The listing has named it, and nothing more is known of it than before. */
  touch(key: string): void {
    this.#unlisted.delete(key);
  }

  remove(object: T, observer: ObjectObserver<T>): void {
    if (this.#byKey.delete(objectKey(object))) observer.deleted(object);
  }

  endListing(observer: ObjectObserver<T>): void {
    for (const key of this.#unlisted) {
      const gone = this.#byKey.get(key);
      if (gone !== undefined) this.remove(gone, observer);
    }
    this.#unlisted = new Set();
  }
}

export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
