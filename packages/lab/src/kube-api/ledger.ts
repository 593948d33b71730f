import type { ApiObject } from './api-object.ts';
import type { JournalEntry } from './journal/journal-format.ts';
import type { Journal } from './journal/journal.ts';
import type { ResourceSlot, ResourceSlots } from './resource-slot.ts';

/** Where an object is. The key is `namespace/name`, or `name` of a cluster-scoped object. */
export interface Place {
  readonly slot: ResourceSlot;
  readonly key: string;
}

/** The only writer of objects: gives out revisions and knows who owns whom. */
export class Ledger {
  readonly #slots: ResourceSlots;
  readonly #journal: Journal | undefined;
  #revision: number;
  readonly #liveUids = new Set<string>();
  readonly #dependentsByOwner = new Map<string, Map<string, Place>>();

  /** `revision`: of the latest change before this ledger's time. */
  constructor(slots: ResourceSlots, revision: number, journal?: Journal) {
    this.#slots = slots;
    this.#revision = revision;
    this.#journal = journal;
  }

  /** The revision of the latest change of any type. */
  get revision(): number {
    return this.#revision;
  }

  put(place: Place, object: ApiObject): ApiObject {
    const revision = this.#revision + 1;
    const after = withResourceVersion(object, revision);
    this.#append(entryOf(place, revision, after));
    this.#commit(place, after, revision);
    return after;
  }

  remove(place: Place): void {
    if (place.slot.objects.get(place.key) === undefined) return;
    const revision = this.#revision + 1;
    this.#append(entryOf(place, revision, undefined));
    this.#commit(place, undefined, revision);
  }

  /** Takes over what an earlier process stored: a change that watches may resume before, or a state without history. */
  restore({ group, plural, key, object, revision }: JournalEntry, kind: 'change' | 'state'): void {
    const slot = this.#slots.get(group, plural);
    if (slot === undefined) return; // of a type that is no longer there
    if (kind === 'change') this.#commit({ slot, key }, object, revision);
    else if (object !== undefined) {
      slot.objects.load(key, object);
      this.#learn({ slot, key }, undefined, object);
    }
  }

  #commit(place: Place, after: ApiObject | undefined, revision: number): void {
    const before = place.slot.objects.get(place.key);
    this.#revision = revision;
    place.slot.objects.commit(place.key, after, revision);
    this.#learn(place, before, after);
  }

  #learn(place: Place, before: ApiObject | undefined, after: ApiObject | undefined): void {
    if (before === undefined && after !== undefined) this.#liveUids.add(uidOf(after));
    if (before !== undefined && after === undefined) this.#liveUids.delete(uidOf(before));
    this.#reindex(place, before, after);
    place.slot.type.strategy.committed?.(before, after);
  }

  #append(entry: JournalEntry): void {
    this.#journal?.append(entry, () => presentEntries(this.#slots));
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

function entryOf({ slot, key }: Place, revision: number, object: ApiObject | undefined): JournalEntry {
  const { group, plural } = slot.type;
  return { revision, group, plural, key, ...(object === undefined ? {} : { object }) };
}

/** Definitions come before what they define, as their slots do. */
function* presentEntries(slots: ResourceSlots): Generator<JournalEntry> {
  for (const slot of slots) {
    for (const [key, object] of slot.objects.entries()) {
      yield entryOf({ slot, key }, Number(object.metadata.resourceVersion), object);
    }
  }
}

export function withResourceVersion(object: ApiObject, revision: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function uidOf(object: ApiObject): string {
  return object.metadata.uid ?? '';
}
