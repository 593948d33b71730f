import type { JsonSchema, ManagedFieldsEntry } from '@clustermesh/kube';

import { applyConflict } from '../api-errors.ts';
import { fieldsOf } from '../api-object.ts';
import type { ApiObject, JsonObject } from '../api-object.ts';
import { compareFields, fieldSet } from './field-sets.ts';
import { difference, emptyTree, fromFieldsV1, intersection, isEmpty, isSameTree } from './field-tree.ts';
import { pathsOf, toFieldsV1, union } from './field-tree.ts';
import type { FieldTree } from './field-tree.ts';
import { mergeApplied, removeFields } from './merge-applied.ts';

/** Who writes, and through what. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  /** RFC 3339. */
  readonly time: string;
}

interface Owner {
  readonly entry: ManagedFieldsEntry;
  readonly fields: FieldTree;
}

/** Fields that nobody owns: the server's own, and those that name the object. */
const unownedMetadata = new Set([
  ...['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'selfLink'],
  ...['deletionTimestamp', 'deletionGracePeriodSeconds'],
]);

/** Who owns which fields of objects of one version of a type. Pure: entries in, entries out. */
export class FieldManager {
  readonly #schema: JsonSchema;
  readonly #hasStatus: boolean;

  constructor(schema: JsonSchema, hasStatus: boolean) {
    this.#schema = schema;
    this.#hasStatus = hasStatus;
  }

  /**
   * The owners after an update: the writer owns what it changed, and nobody else does. `after` carries the entries
   * to begin with.
   */
  update(before: ApiObject | undefined, after: ApiObject, writer: Writer): readonly ManagedFieldsEntry[] {
    const owned = (object: ApiObject): JsonObject => this.#ownable(object, writer.subresource);
    const { written, removed } = compareFields(before === undefined ? {} : owned(before), owned(after), this.#schema);
    const owners = readOwners(after.metadata.managedFields);
    const mine = owners.find(({ entry }) => isOf(entry, writer, 'Update'));
    const others = owners
      .filter((owner) => owner !== mine)
      .map(({ entry, fields }) => ({ entry, fields: difference(difference(fields, written), removed) }));
    const fields = union(difference(mine?.fields ?? emptyTree, removed), written);
    return writeOwners([...others, ownerOf(writer, 'Update', fields, mine)]);
  }

  /**
   * `live` with what the writer applies, without what it applied before and nobody else owns. Throws Conflict when
   * another manager owns a field that would change, unless `isForced`: then the writer takes it over.
   */
  apply(live: ApiObject, applied: ApiObject, writer: Writer, isForced: boolean): ApiObject {
    const owned = (object: unknown): JsonObject => this.#ownable(fieldsOf(object) as ApiObject, writer.subresource);
    const owners = readOwners(live.metadata.managedFields);
    const mine = owners.find(({ entry }) => isOf(entry, writer, 'Apply'));
    const fields = withoutRoot(fieldSet(owned(applied), this.#schema));
    const kept = owners.filter((owner) => owner !== mine).reduce((all, owner) => union(all, owner.fields), fields);
    const dropped = difference(mine?.fields ?? emptyTree, kept);
    const merged = mergeApplied(live, writableBy(owned(applied), applied), this.#schema);
    const result = fieldsOf(removeFields(merged, dropped, kept, this.#schema)) as ApiObject;
    const { written, removed } = compareFields(owned(live), owned(result), this.#schema);
    const conflicts = owners
      .filter((owner) => owner !== mine)
      .map(({ entry, fields: theirs }) => ({ entry, fields: intersection(theirs, written) }))
      .filter((conflict) => !isEmpty(conflict.fields));
    if (conflicts.length > 0 && !isForced) throw conflictError(conflicts);
    const others = owners
      .filter((owner) => owner !== mine)
      .map((owner) => ({ ...owner, fields: difference(difference(owner.fields, written), removed) }));
    const managedFields = writeOwners([...others, ownerOf(writer, 'Apply', fields, mine)]);
    return { ...result, metadata: { ...result.metadata, managedFields } };
  }

  /** What a writer through this subresource can own. */
  #ownable(object: ApiObject, subresource: string | undefined): JsonObject {
    const { apiVersion: _apiVersion, kind: _kind, metadata, status, ...rest } = object;
    if (subresource === 'status') return status === undefined ? {} : { status };
    const own = Object.entries(fieldsOf(metadata)).filter(([field]) => !unownedMetadata.has(field));
    const withMetadata = own.length === 0 ? rest : { ...rest, metadata: Object.fromEntries(own) };
    return this.#hasStatus || status === undefined ? withMetadata : { ...withMetadata, status };
  }
}

/** A writer that applies only a resourceVersion or a uid still means them. */
function writableBy(owned: JsonObject, { metadata }: ApiObject): JsonObject {
  const { uid, resourceVersion } = metadata;
  const identity = Object.entries({ uid, resourceVersion }).filter(([, value]) => value !== undefined);
  if (identity.length === 0) return owned;
  return { ...owned, metadata: { ...fieldsOf(owned['metadata']), ...Object.fromEntries(identity) } };
}

function isOf(entry: ManagedFieldsEntry, writer: Writer, operation: 'Apply' | 'Update'): boolean {
  const isSameWay = entry.operation === operation && (entry.subresource ?? '') === (writer.subresource ?? '');
  return isSameWay && entry.manager === writer.manager && entry.apiVersion === writer.apiVersion;
}

function readOwners(entries: readonly ManagedFieldsEntry[] = []): readonly Owner[] {
  return entries.map((entry) => ({ entry, fields: withoutRoot(fromFieldsV1(entry.fieldsV1)) }));
}

/** An empty set looks like a leaf, but nobody owns a whole object. */
function withoutRoot(fields: FieldTree): FieldTree {
  return { ...fields, isMember: false };
}

/** Its time is that of the last change of what it owns. */
function ownerOf(
  { manager, apiVersion, subresource, time }: Writer,
  operation: 'Apply' | 'Update',
  fields: FieldTree,
  before: Owner | undefined,
): Owner {
  const isSame = before !== undefined && isSameTree(before.fields, fields);
  const entry = {
    manager,
    operation,
    apiVersion,
    time: isSame ? (before.entry.time ?? time) : time,
    ...(subresource === undefined ? {} : { subresource }),
  };
  return { entry, fields };
}

function writeOwners(owners: readonly Owner[]): readonly ManagedFieldsEntry[] {
  return owners
    .filter(({ entry, fields }) => entry.operation === 'Apply' || !isEmpty(fields))
    .map(({ entry, fields }) => {
      const { manager = '', operation = 'Update', apiVersion = '', time = '', subresource } = entry;
      const named = { manager, operation, apiVersion, time, fieldsType: 'FieldsV1' as const };
      return { ...named, fieldsV1: toFieldsV1(fields), ...(subresource === undefined ? {} : { subresource }) };
    })
    .sort((a, b) => orderOf(a).localeCompare(orderOf(b)));
}

function orderOf({
  operation,
  time,
  manager,
  subresource = '',
}: Required<Pick<ManagedFieldsEntry, 'operation' | 'time' | 'manager'>> & { readonly subresource?: string }): string {
  return `${operation} ${time} ${manager} ${subresource}`;
}

function conflictError(conflicts: readonly Owner[]): Error {
  return applyConflict(
    conflicts.flatMap(({ entry, fields }) => pathsOf(fields).map((path) => ({ manager: managerText(entry), path }))),
  );
}

function managerText({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  const name = JSON.stringify(manager ?? '');
  const through = subresource === undefined ? name : `${name} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Apply' ? through : `${through} using ${apiVersion ?? ''}`;
}
