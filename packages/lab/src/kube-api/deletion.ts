import type { Clock } from '@clustermesh/runtime';
import type { DeleteOptions, OwnerReference } from '@clustermesh/kube';

import { formatTime, isDeepEqual } from './api-object.ts';
import type { ApiObject } from './api-object.ts';
import type { Ledger, Place } from './ledger.ts';
import type { ResourceSlot, ResourceSlots } from './resource-slot.ts';

export type DeletionOptions = Pick<DeleteOptions, 'gracePeriodSeconds' | 'propagationPolicy'>;

export interface DeletionDeps {
  readonly slots: ResourceSlots;
  readonly ledger: Ledger;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /**
   * A namespace or CRD loses its contents only so much later: `kubectl delete -f` of a file that begins with a
   * Namespace counts on finding the rest of it. 0: in the same step.
   */
  readonly drainDelayMs: number;
}

/**
 * How objects leave: at once, or marked with a deletionTimestamp while a grace period runs, a finalizer holds them
 * or they still contain something (a namespace its objects, a CRD its custom resources). What they owned goes with
 * them, as the garbage collector of Kubernetes does it, but in the same step.
 */
export class Deletion {
  readonly #slots: ResourceSlots;
  readonly #ledger: Ledger;
  readonly #clock: Pick<Clock, 'now' | 'sleep'>;
  readonly #drainDelayMs: number;

  constructor({ slots, ledger, clock, drainDelayMs }: DeletionDeps) {
    this.#slots = slots;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#drainDelayMs = drainDelayMs;
  }

  delete(place: Place, options: DeletionOptions): void {
    const object = place.slot.objects.get(place.key);
    if (object === undefined) return;
    if (options.propagationPolicy === 'Orphan') this.#orphanDependents(object);
    const marked = this.#marked(place, object, options);
    if (!isHeld(marked) && !this.#hasContents(place)) {
      this.#remove(place);
      return;
    }
    if (!isDeepEqual(marked, object)) this.#ledger.put(place, marked);
    this.#drainSoon(place);
  }

  /** Goes on with what a process before this one left half done. */
  resume(): void {
    const places = [...this.#slots].flatMap((slot) => [...placesIn(slot, '')]);
    for (const place of places) {
      this.collectIfOrphaned(place);
      this.#drainSoon(place);
    }
  }

  /** Removes an object on its way out once nothing holds it any more. */
  finishIfDue(place: Place): void {
    const object = place.slot.objects.get(place.key);
    if (object?.metadata.deletionTimestamp === undefined || isHeld(object)) return;
    if (!this.#hasContents(place)) this.#remove(place);
  }

  /** Deletes an object all of whose owners are gone: its creator did not know that yet. */
  collectIfOrphaned(place: Place): void {
    const owners = place.slot.objects.get(place.key)?.metadata.ownerReferences ?? [];
    if (owners.length > 0 && !owners.some(({ uid }) => this.#ledger.isAlive(uid))) this.delete(place, {});
  }

  #drainSoon(place: Place): void {
    if (place.slot.objects.get(place.key)?.metadata.deletionTimestamp === undefined) return;
    if (this.#drainDelayMs === 0) this.#drain(place);
    else void this.#clock.sleep(this.#drainDelayMs).then(() => this.#drain(place));
  }

  /** Deletes the contents of a container that is on its way out. */
  #drain(place: Place): void {
    if (place.slot.objects.get(place.key)?.metadata.deletionTimestamp === undefined) return;
    for (const content of this.#contentsOf(place)) this.delete(content, {});
    this.finishIfDue(place);
  }

  #marked({ slot }: Place, object: ApiObject, options: DeletionOptions): ApiObject {
    const { deletionTimestamp, deletionGracePeriodSeconds = 0, generation } = object.metadata;
    const graceSeconds = slot.type.strategy.gracePeriodSeconds?.(object, options.gracePeriodSeconds) ?? 0;
    const isMarked = deletionTimestamp !== undefined;
    if (isMarked && graceSeconds >= deletionGracePeriodSeconds) return object; // it may only become shorter
    const metadata = {
      ...object.metadata,
      deletionTimestamp: formatTime(this.#clock.now() + graceSeconds * 1000),
      deletionGracePeriodSeconds: graceSeconds,
      ...(generation === undefined || isMarked ? {} : { generation: generation + 1 }),
    };
    return { ...object, metadata, ...(isNamespaces(slot) ? { status: { phase: 'Terminating' } } : {}) };
  }

  #remove(place: Place): void {
    const object = place.slot.objects.get(place.key);
    this.#ledger.remove(place);
    for (const dependent of this.#ledger.dependentsOf(object?.metadata.uid ?? '')) this.#leaveOwner(dependent);
    for (const container of this.#containersOf(place, object)) this.finishIfDue(container);
  }

  /** An owner of this object is gone: so is the object, unless it has another one. */
  #leaveOwner(place: Place): void {
    const object = place.slot.objects.get(place.key);
    const alive = object?.metadata.ownerReferences?.filter(({ uid }) => this.#ledger.isAlive(uid)) ?? [];
    if (object === undefined || alive.length === 0) this.delete(place, {});
    else this.#ledger.put(place, withOwners(object, alive));
  }

  #orphanDependents(owner: ApiObject): void {
    const { uid } = owner.metadata;
    for (const place of this.#ledger.dependentsOf(uid ?? '')) {
      const object = place.slot.objects.get(place.key);
      const others = object?.metadata.ownerReferences?.filter((reference) => reference.uid !== uid) ?? [];
      if (object !== undefined) this.#ledger.put(place, withOwners(object, others));
    }
  }

  #contentsOf(place: Place): readonly Place[] {
    return [...this.#contents(place)];
  }

  /** Asked after each removal: finding the first is enough. */
  #hasContents(place: Place): boolean {
    return this.#contents(place).next().done !== true;
  }

  *#contents({ slot, key }: Place): Generator<Place> {
    if (isNamespaces(slot)) {
      for (const other of this.#slots) if (other.type.namespaced) yield* placesIn(other, `${key}/`);
    } else if (isCrds(slot)) {
      const custom = this.#slotOfCrd(key);
      if (custom !== undefined) yield* placesIn(custom, '');
    }
  }

  #containersOf({ slot }: Place, object: ApiObject | undefined): readonly Place[] {
    const { namespace } = object?.metadata ?? {};
    const namespaces = this.#slots.get('', 'namespaces');
    const crds = this.#slots.get('apiextensions.k8s.io', 'customresourcedefinitions');
    return [
      ...(namespace === undefined || namespaces === undefined ? [] : [{ slot: namespaces, key: namespace }]),
      ...(crds === undefined ? [] : [{ slot: crds, key: `${slot.type.plural}.${slot.type.group}` }]),
    ];
  }

  #slotOfCrd(name: string): ResourceSlot | undefined {
    const dot = name.indexOf('.');
    return this.#slots.get(name.slice(dot + 1), name.slice(0, dot));
  }
}

function isHeld({ metadata }: ApiObject): boolean {
  return (metadata.finalizers ?? []).length > 0 || (metadata.deletionGracePeriodSeconds ?? 0) > 0;
}

function isNamespaces({ type }: ResourceSlot): boolean {
  return type.group === '' && type.plural === 'namespaces';
}

function isCrds({ type }: ResourceSlot): boolean {
  return type.plural === 'customresourcedefinitions';
}

/** Those whose key begins with `prefix`. */
function* placesIn(slot: ResourceSlot, prefix: string): Generator<Place> {
  for (const [key] of slot.objects.entries()) if (key.startsWith(prefix)) yield { slot, key };
}

function withOwners(object: ApiObject, owners: readonly OwnerReference[]): ApiObject {
  const { ownerReferences: _, ...metadata } = object.metadata;
  return { ...object, metadata: owners.length === 0 ? metadata : { ...metadata, ownerReferences: owners } };
}
