import type { Binding, Condition, DeleteOptions, ObjectRef, PatchKind, Pod, Subresource } from '@clustermesh/kube';
import type { Clock, Random } from '@clustermesh/runtime';

import { acceptApplied, acceptBody } from './accept-body.ts';
import type { AcceptOptions } from './accept-body.ts';
import { alreadyExists, badRequest, conflict, forbidden, methodNotAllowed, notFound } from './api-errors.ts';
import { unsupportedMediaType } from './api-errors.ts';
import { fieldsOf, formatTime } from './api-object.ts';
import type { ApiObject } from './api-object.ts';
import { FieldManager } from './apply/field-manager.ts';
import type { Writer } from './apply/field-manager.ts';
import type { Deletion } from './deletion.ts';
import { jsonPatch } from './patch/json-patch.ts';
import { withResourceVersion } from './ledger.ts';
import type { Ledger, Place } from './ledger.ts';
import { mergePatch } from './patch/merge-patch.ts';
import { checkPreconditions, isSet, prepareCreate, prepareUpdate } from './prepare-object.ts';
import { randomSuffix, randomUuid } from './random-names.ts';
import { placeKey, presented } from './resource-slot.ts';
import type { ResourceSlots, ServedSlot, TypeRef } from './resource-slot.ts';
import { apiVersion } from './resource-type.ts';
import { scaleOf, withScale } from './scale.ts';
import { strategicMergePatch } from './patch/strategic-merge-patch.ts';

export interface WriteOptions extends AcceptOptions {
  /** Checks and answers as if it were done. */
  readonly dryRun?: boolean;
  /** Who answers for what is written; `unknown` if nobody says. */
  readonly fieldManager?: string | undefined;
}

export interface UpdateOptions extends WriteOptions {
  readonly subresource?: Subresource | undefined;
}

export interface PatchOptions extends UpdateOptions {
  readonly kind: PatchKind;
  /** Of an apply: take over fields of other managers instead of failing. */
  readonly force?: boolean;
}

export interface WriterDeps {
  readonly slots: ResourceSlots;
  readonly ledger: Ledger;
  readonly deletion: Deletion;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
}

interface OwnedOptions extends UpdateOptions {
  /** The owners that an apply has found already. */
  readonly owners?: ApiObject['metadata']['managedFields'];
}

/** The cluster cannot do without them. */
const undeletableNamespaces = ['default', 'kube-system', 'kube-public'];

/** create, update, patch, delete: each one step that nothing comes between. All errors are KubeStatusErrors. */
export class ObjectWriter {
  readonly #deps: WriterDeps;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
  }

  create(typeRef: TypeRef, namespace: string | undefined, body: unknown, options: WriteOptions = {}): ApiObject {
    const served = this.#deps.slots.find(typeRef);
    return this.#create(served, namespace, acceptBody(served, body, options), options);
  }

  update(typeRef: TypeRef, ref: ObjectRef, body: unknown, options: UpdateOptions = {}): ApiObject {
    const served = this.#deps.slots.find(typeRef);
    const { place, object: old } = this.#existing(served, ref);
    if (options.subresource === 'scale') return this.#updateScale(served, ref, body, options);
    if (options.subresource === 'status' && !served.type.hasStatus) throw methodNotAllowed();
    const sent = acceptBody(served, body, options);
    checkUrl(sent, ref);
    return this.#update(served, { place, old, sent }, options);
  }

  /** `apply` creates what is not there, and is the only kind that knows who owns what. */
  patch(typeRef: TypeRef, ref: ObjectRef, patch: unknown, options: PatchOptions): ApiObject {
    const served = this.#deps.slots.find(typeRef);
    const old = served.slot.objects.get(placeKey(served.type, ref));
    if (options.kind === 'apply' && options.subresource !== 'scale') {
      return this.#apply(served, { ref, old, body: patch }, options);
    }
    if (old === undefined) throw notFound(served.type, ref.name);
    const { scale } = served.type;
    const isScale = options.subresource === 'scale' && scale !== undefined;
    const current = isScale ? scaleOf(old, scale) : presented(old, served);
    return this.update(typeRef, ref, applyPatch(current, patch, options.kind, served), options);
  }

  /** The object as it waits for its end, or as it was. */
  delete(typeRef: TypeRef, ref: ObjectRef, options: DeleteOptions & WriteOptions = {}): ApiObject {
    const served = this.#deps.slots.find(typeRef);
    const { place, object } = this.#existing(served, ref);
    checkPreconditions(served.type, object, options);
    if (isNamespaces(served) && undeletableNamespaces.includes(ref.name)) {
      throw forbidden(served.type, ref.name, 'this namespace may not be deleted');
    }
    if (options.dryRun !== true) this.#deps.deletion.delete(place, options);
    return presented(place.slot.objects.get(place.key) ?? object, served);
  }

  /** Gives a pod its node, once. */
  bind(ref: ObjectRef, body: unknown): void {
    const served = this.#deps.slots.find({ group: '', version: 'v1', plural: 'pods' });
    const { place, object } = this.#existing(served, ref);
    const pod = object as unknown as Pod;
    const nodeName = (body as Partial<Binding> | undefined)?.target?.name;
    if (typeof nodeName !== 'string' || nodeName === '') throw badRequest('target.name is required');
    if ((pod.spec.nodeName ?? '') !== '') {
      throw conflict(served.type, ref.name, `pod ${ref.name} is already assigned to node "${pod.spec.nodeName ?? ''}"`);
    }
    const lastTransitionTime = formatTime(this.#deps.clock.now());
    const scheduled: Condition = { type: 'PodScheduled', status: 'True', lastTransitionTime };
    const others = pod.status?.conditions?.filter(({ type }) => type !== scheduled.type) ?? [];
    this.#deps.ledger.put(place, {
      ...object,
      spec: { ...pod.spec, nodeName },
      status: { ...pod.status, conditions: [...others, scheduled] },
    });
  }

  #create(served: ServedSlot, namespace: string | undefined, sent: ApiObject, options: OwnedOptions): ApiObject {
    const { clock, random } = this.#deps;
    const identity = {
      name: this.#newName(served, sent, namespace),
      namespace: this.#checkNamespace(served, sent, namespace),
      uid: randomUuid(random),
      creationTimestamp: formatTime(clock.now()),
    };
    const place = { slot: served.slot, key: placeKey(served.type, refOf(identity)) };
    if (place.slot.objects.get(place.key) !== undefined) throw alreadyExists(served.type, identity.name);
    const prepared = prepareCreate(served.type, served.version, sent, identity);
    const object = this.#finished(served, undefined, prepared, options);
    if (options.dryRun === true) return presented(object, served);
    const created = this.#deps.ledger.put(place, object);
    this.#deps.deletion.collectIfOrphaned(place);
    return presented(created, served);
  }

  #update(
    served: ServedSlot,
    { place, old, sent }: { readonly place: Place; readonly old: ApiObject; readonly sent: ApiObject },
    options: OwnedOptions,
  ): ApiObject {
    const { subresource, dryRun } = options;
    const prepared = prepareUpdate(served.type, served.version, { sent, old, subresource });
    if (prepared === old) return presented(old, served);
    const updated = this.#finished(served, old, prepared, options);
    // As the version that it would be a change of: diffs then show nothing that a user did not ask for.
    if (dryRun === true) return presented(withResourceVersion(updated, Number(old.metadata.resourceVersion)), served);
    const stored = this.#deps.ledger.put(place, updated);
    if (old.metadata.ownerReferences !== stored.metadata.ownerReferences) this.#deps.deletion.collectIfOrphaned(place);
    this.#deps.deletion.finishIfDue(place);
    return presented(stored, served);
  }

  #apply(
    served: ServedSlot,
    { ref, old, body }: { readonly ref: ObjectRef; readonly old: ApiObject | undefined; readonly body: unknown },
    options: PatchOptions,
  ): ApiObject {
    if (old === undefined && options.subresource !== undefined) throw notFound(served.type, ref.name);
    const applied = acceptApplied(served, ref, body, options);
    checkUrl(applied, ref);
    const { apiVersion, kind, metadata } = applied;
    const { uid, resourceVersion } = metadata;
    if (old === undefined && isSet(uid ?? resourceVersion)) throw conflict(served.type, ref.name, goneText);
    if (old !== undefined) checkPreconditions(served.type, old, metadata);
    const live = old ?? { apiVersion, kind, metadata: { ...ref, managedFields: [] } };
    const merged = managerOf(served).apply(live, applied, this.#writer(served, options), options.force === true);
    const owners = merged.metadata.managedFields;
    if (old === undefined) return this.#create(served, ref.namespace, merged, { ...options, owners });
    const place = { slot: served.slot, key: placeKey(served.type, ref) };
    const sent = { ...merged, metadata: { ...merged.metadata, resourceVersion: old.metadata.resourceVersion ?? '' } };
    return this.#update(served, { place, old, sent }, { ...options, owners });
  }

  /** As it is stored, with its owners: those that an apply has found, or whoever writes owns what it changed. */
  #finished(served: ServedSlot, before: ApiObject | undefined, object: ApiObject, options: OwnedOptions): ApiObject {
    const { managedFields: given, ...metadata } = object.metadata;
    const base = before === undefined ? { ...object, metadata } : object;
    for (const text of served.type.strategy.warnings?.(object) ?? []) options.warn?.(text);
    const owners = options.owners ?? managerOf(served).update(before, base, this.#writer(served, options));
    return given === undefined && owners.length === 0
      ? object
      : { ...object, metadata: { ...metadata, managedFields: owners } };
  }

  #writer({ type, version }: ServedSlot, { fieldManager = 'unknown', subresource }: UpdateOptions): Writer {
    const time = formatTime(this.#deps.clock.now());
    return { manager: fieldManager, apiVersion: apiVersion(type, version.name), subresource, time };
  }

  #updateScale(served: ServedSlot, ref: ObjectRef, body: unknown, options: UpdateOptions): ApiObject {
    const { scale } = served.type;
    if (scale === undefined) throw methodNotAllowed();
    const { place, object: old } = this.#existing(served, ref);
    const { resourceVersion } = fieldsOf(fieldsOf(body)['metadata']) as { resourceVersion?: string };
    checkPreconditions(served.type, old, { resourceVersion });
    return scaleOf(this.#update(served, { place, old, sent: withScale(old, body, scale) }, options), scale);
  }

  #existing(served: ServedSlot, ref: ObjectRef): { place: Place; object: ApiObject } {
    const key = placeKey(served.type, ref);
    const object = served.slot.objects.get(key);
    if (object === undefined) throw notFound(served.type, ref.name);
    return { place: { slot: served.slot, key }, object };
  }

  #newName(served: ServedSlot, sent: ApiObject, namespace: string | undefined): string {
    const { name, generateName, resourceVersion } = sent.metadata;
    if (resourceVersion !== undefined && resourceVersion !== '') {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    if (name !== '' || (generateName ?? '') === '') return name;
    for (;;) {
      const generated = `${generateName}${randomSuffix(this.#deps.random)}`;
      const ref = refOf({ name: generated, namespace });
      if (served.slot.objects.get(placeKey(served.type, ref)) === undefined) return generated;
    }
  }

  #checkNamespace({ type }: ServedSlot, sent: ApiObject, namespace: string | undefined): string | undefined {
    if (!type.namespaced) return undefined;
    const { namespace: inBody = '' } = sent.metadata;
    if (namespace === undefined) throw badRequest('an empty namespace may not be set during creation');
    if (inBody !== '' && inBody !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    const namespaces = this.#deps.slots.find({ group: '', version: 'v1', plural: 'namespaces' });
    const found = namespaces.slot.objects.get(namespace);
    if (found === undefined) throw notFound(namespaces.type, namespace);
    if (found.metadata.deletionTimestamp === undefined) return namespace;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const cause = {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    };
    throw forbidden(type, sent.metadata.name, why, [cause]);
  }
}

function refOf({ name, namespace }: { readonly name: string; readonly namespace: string | undefined }): ObjectRef {
  return namespace === undefined ? { name } : { name, namespace };
}

function checkUrl({ metadata }: ApiObject, ref: ObjectRef): void {
  if (metadata.name !== ref.name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${ref.name})`);
  }
  if (metadata.namespace !== undefined && ref.namespace !== undefined && metadata.namespace !== ref.namespace) {
    throw badRequest('the namespace of the object does not match the namespace on the request');
  }
}

const goneText = 'uid mismatch: the provided object specified a version of an object that is not there';

/** By version, as versions of a type may have other fields; of a view, by what is stored. */
function managerOf({ slot, type, version }: ServedSlot): FieldManager {
  const { structure } = type.conversion === undefined ? version : (slot.type.versions[0] ?? version);
  return new FieldManager(structure, type.hasStatus);
}

function applyPatch(current: ApiObject, patch: unknown, kind: PatchKind, { type }: ServedSlot): unknown {
  switch (kind) {
    case 'json':
      return jsonPatch(current, patch);
    case 'merge':
      return mergePatch(current, patch);
    case 'strategic':
      if (type.isCustom) throw unsupportedMediaType('application/strategic-merge-patch+json');
      return strategicMergePatch(current, patch);
    case 'apply':
      throw unsupportedMediaType('application/apply-patch+yaml');
  }
}

function isNamespaces({ type }: ServedSlot): boolean {
  return type.group === '' && type.plural === 'namespaces';
}
