import type { ObjectRef } from '@clustermesh/kube';

import { noSuchResource } from './api-errors.ts';
import type { ApiObject } from './api-object.ts';
import { Collection } from './collection.ts';
import { apiVersion } from './resource-type.ts';
import type { ResourceType, ServedVersion } from './resource-type.ts';

/** A served type and its objects. */
export interface ResourceSlot {
  /** Replaced when its CRD changes. */
  type: ResourceType;
  readonly objects: Collection;
}

/** How clients name a type. */
export interface TypeRef {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** A type as one request sees it. */
export interface ServedSlot {
  readonly slot: ResourceSlot;
  readonly type: ResourceType;
  readonly version: ServedVersion;
}

/** The types that the API serves, in the order in which they came. */
export class ResourceSlots {
  readonly #slots = new Map<string, ResourceSlot>();
  /** Types whose objects are those of another one. */
  readonly #views = new Map<string, ResourceType>();
  readonly #windowSize: number;

  /** `windowSize`: how many changes of a type are remembered at least. */
  constructor(windowSize: number) {
    this.#windowSize = windowSize;
  }

  [Symbol.iterator](): IterableIterator<ResourceSlot> {
    return this.#slots.values();
  }

  get(group: string, plural: string): ResourceSlot | undefined {
    return this.#slots.get(`${group}/${plural}`);
  }

  /** Throws NotFound when the type is not served in that version. */
  find({ group, version, plural }: TypeRef): ServedSlot {
    const view = this.#views.get(`${group}/${plural}`);
    const { of = { group, plural } } = view?.conversion ?? {};
    const slot = this.get(of.group, of.plural);
    const type = view ?? slot?.type;
    const served = type?.versions.find(({ name }) => name === version);
    if (slot === undefined || type === undefined || served === undefined) throw noSuchResource();
    return { slot, type, version: served };
  }

  /** All that is served, views of other types included. */
  types(): readonly ResourceType[] {
    return [...Array.from(this.#slots.values(), ({ type }) => type), ...this.#views.values()];
  }

  /** Adds a type, or replaces what is known of it and keeps its objects. */
  put(type: ResourceType, revision: number): void {
    const slot = this.get(type.group, type.plural);
    if (type.conversion !== undefined) this.#views.set(`${type.group}/${type.plural}`, type);
    else if (slot !== undefined) slot.type = type;
    else this.#slots.set(`${type.group}/${type.plural}`, { type, objects: new Collection(revision, this.#windowSize) });
  }

  remove(group: string, plural: string): void {
    this.get(group, plural)?.objects.close();
    this.#slots.delete(`${group}/${plural}`);
  }
}

/** The key of an object among those of its type. */
export function placeKey(type: ResourceType, { namespace, name }: ObjectRef): string {
  return type.namespaced ? `${namespace ?? ''}/${name}` : name;
}

/** A stored object as a client of one version sees it. */
export function presented(object: ApiObject, { type, version }: ServedSlot): ApiObject {
  if (type.conversion !== undefined) return type.conversion.toServed(object);
  const wanted = apiVersion(type, version.name);
  return object.apiVersion === wanted ? object : { ...object, apiVersion: wanted };
}
