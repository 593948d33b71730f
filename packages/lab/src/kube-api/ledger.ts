import type { ApiObject } from './api-object.ts';
import type { ResourceSlot } from './resource-slot.ts';

/** Where an object is. The key is `namespace/name`, or `name` of a cluster-scoped object. */
export interface Place {
  readonly slot: ResourceSlot;
  readonly key: string;
}

/** The only writer of objects: gives out revisions and knows who owns whom. */
export class Ledger {
  #revision: number;
  readonly #liveUids = new Set<string>();
  readonly #dependentsByOwner = new Map<string, Map<string, Place>>();

  constructor(revision: number) {
    this.#revision = revision;
  }

  /** The revision of the latest change of any type. */
  get revision(): number {
    return this.#revision;
  }

  put({ slot, key }: Place, object: ApiObject): ApiObject {
    this.#revision++;
    const before = slot.objects.get(key);
    const after = withResourceVersion(object, this.#revision);
    slot.objects.commit(key, after, this.#revision);
    if (before === undefined) this.#liveUids.add(uidOf(after));
    this.#reindex({ slot, key }, before, after);
    slot.type.strategy.committed?.(before, after);
    return after;
  }

  remove({ slot, key }: Place): void {
    const before = slot.objects.get(key);
    if (before === undefined) return;
    this.#revision++;
    slot.objects.commit(key, undefined, this.#revision);
    this.#liveUids.delete(uidOf(before));
    this.#reindex({ slot, key }, before, undefined);
    slot.type.strategy.committed?.(before, undefined);
  }

  isAlive(uid: string): boolean {
    return this.#liveUids.has(uid);
  }

  /** Objects that name `uid` among their owners. */
  dependentsOf(uid: string): readonly Place[] {
    return [...(this.#dependentsByOwner.get(uid)?.values() ?? [])];
  }

  #reindex(place: Place, before: ApiObject | undefined, after: ApiObject | undefined): void {
    const ownersBefore = before?.metadata.ownerReferences;
    const ownersAfter = after?.metadata.ownerReferences;
    if (ownersBefore === ownersAfter) return;
    const { group, plural } = place.slot.type;
    const id = `${group}/${plural}/${place.key}`;
    for (const { uid } of ownersBefore ?? []) {
      const dependents = this.#dependentsByOwner.get(uid);
      dependents?.delete(id);
      if (dependents?.size === 0) this.#dependentsByOwner.delete(uid);
    }
    for (const { uid } of ownersAfter ?? []) {
      const dependents = this.#dependentsByOwner.get(uid) ?? new Map<string, Place>();
      this.#dependentsByOwner.set(uid, dependents.set(id, place));
    }
  }
}

export function withResourceVersion(object: ApiObject, revision: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function uidOf(object: ApiObject): string {
  return object.metadata.uid ?? '';
}
