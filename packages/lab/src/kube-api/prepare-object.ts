/** From what a client sent to what is stored: pure, so that a dry run is the same without the commit. */
import type { JsonSchema, ManagedFieldsEntry, ObjectMeta, Subresource } from '@clustermesh/kube';

import { conflict, invalid, invalidValue } from './api-errors.ts';
import { fieldsOf, isDeepEqual } from './api-object.ts';
import type { ApiObject, JsonObject } from './api-object.ts';
import { checkMetadata } from './metadata-rules.ts';
import type { ResourceType, ServedVersion } from './resource-type.ts';
import { withDefaults } from './schema/default-values.ts';
import { validateSchema } from './schema/validate-schema.ts';

export interface Identity {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string;
  readonly creationTimestamp: string;
}

export function prepareCreate(
  type: ResourceType,
  version: ServedVersion,
  sent: ApiObject,
  identity: Identity,
): ApiObject {
  const { name, namespace, uid, creationTimestamp } = identity;
  const { status, ...rest } = sent;
  const metadata: ObjectMeta = {
    ...withoutSystemFields(sent.metadata),
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    creationTimestamp,
    ...(type.generation === 'none' ? {} : { generation: 1 }),
  };
  const keepsStatus = status !== undefined && (!type.hasStatus || type.keepsStatusOnCreate);
  const withStatus = keepsStatus ? { ...rest, metadata, status } : { ...rest, metadata };
  const complete = complementedBy(type, version, withStatus);
  const object = type.strategy.onCreate?.(complete) ?? complete;
  check(type, object, undefined);
  return object;
}

/** The new version of `old`, without its resourceVersion; `old` itself when nothing changes. */
export function prepareUpdate(
  type: ResourceType,
  version: ServedVersion,
  { sent, old, subresource }: { sent: ApiObject; old: ApiObject; subresource: Subresource | undefined },
): ApiObject {
  if (type.updatesNeedVersion && !isSet(sent.metadata.resourceVersion)) {
    const cause = invalidValue('metadata.resourceVersion', '', 'must be specified for an update');
    throw invalid(type, sent.metadata.name, [cause]);
  }
  checkPreconditions(type, old, sent.metadata);
  const edited = subresource === 'status' ? statusEdit(sent, old) : mainEdit(type, sent, old);
  const complete = complementedBy(type, version, edited);
  const updated = type.strategy.onUpdate?.(complete, old) ?? complete;
  check(type, updated, old);
  if (isDeepEqual(withoutVersion(updated), withoutVersion(old))) return old;
  return isNewGeneration(type, updated, old) ? withGeneration(updated, (old.metadata.generation ?? 0) + 1) : updated;
}

export function checkPreconditions(
  type: ResourceType,
  object: ApiObject,
  wanted: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined },
): void {
  const { name, uid = '', resourceVersion = '' } = object.metadata;
  if (isSet(wanted.uid) && wanted.uid !== uid) {
    throw conflict(type, name, `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`);
  }
  if (isSet(wanted.resourceVersion) && wanted.resourceVersion !== resourceVersion) throw conflict(type, name);
}

export function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function statusEdit(sent: ApiObject, old: ApiObject): ApiObject {
  const managedFields = keptOwners(sent.metadata.managedFields, old.metadata.managedFields);
  const metadata = managedFields === undefined ? old.metadata : { ...old.metadata, managedFields };
  return { ...old, metadata, status: sent['status'] };
}

/** Everything as sent, but what only the server or the status subresource may write. */
function mainEdit(type: ResourceType, sent: ApiObject, old: ApiObject): ApiObject {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace, name } =
    old.metadata;
  const system = { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace, name };
  const managedFields = keptOwners(sent.metadata.managedFields, old.metadata.managedFields);
  const metadata = { ...withoutSystemFields(sent.metadata), ...withoutUndefined({ ...system, managedFields }), name };
  if (!type.hasStatus) return { ...sent, metadata };
  const { status: _, ...rest } = sent;
  return 'status' in old ? { ...rest, metadata, status: old['status'] } : { ...rest, metadata };
}

/** Clients may rewrite who owns what; a list of one empty entry means "forget it all". */
function keptOwners(
  sent: readonly ManagedFieldsEntry[] | undefined,
  old: readonly ManagedFieldsEntry[] | undefined,
): readonly ManagedFieldsEntry[] | undefined {
  if (sent === undefined || sent.length === 0) return old;
  return sent.length === 1 && Object.keys(sent[0] ?? {}).length === 0 ? [] : sent;
}

function withoutSystemFields(metadata: ObjectMeta): JsonObject {
  const {
    uid: _uid,
    resourceVersion: _resourceVersion,
    generation: _generation,
    creationTimestamp: _creationTimestamp,
    deletionTimestamp: _deletionTimestamp,
    deletionGracePeriodSeconds: _deletionGracePeriodSeconds,
    ...rest
  } = metadata;
  return Object.fromEntries(Object.entries(rest as JsonObject).filter(([, value]) => value !== null));
}

function withoutUndefined(record: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** With the defaults of the schema and of the type. */
function complementedBy(type: ResourceType, { schema }: ServedVersion, object: ApiObject): ApiObject {
  if (schema === undefined) return type.strategy.defaults?.(object) ?? object;
  const { apiVersion, kind, metadata, ...content } = object;
  const completed = type.isCustom ? fieldsOf(withDefaults(content, schema)) : content;
  checkSchema(type, schema, completed, metadata.name); // before the strategy, which trusts the shapes
  const whole: ApiObject = { ...completed, apiVersion, kind, metadata };
  return type.strategy.defaults?.(whole) ?? whole;
}

/** What every object has is checked elsewhere. */
function checkSchema(type: ResourceType, schema: JsonSchema, content: JsonObject, name: string): void {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...properties } = schema.properties ?? {};
  const required = (schema.required ?? []).filter((field) => !['apiVersion', 'kind', 'metadata'].includes(field));
  const causes = validateSchema(content, { ...schema, properties, required });
  if (causes.length > 0) throw invalid(type, name, causes);
}

function check(type: ResourceType, object: ApiObject, old: ApiObject | undefined): void {
  const causes = [...checkMetadata(type, object, old), ...(type.strategy.validate?.(object, old) ?? [])];
  if (causes.length > 0) throw invalid(type, object.metadata.name, causes);
}

function isNewGeneration(type: ResourceType, object: ApiObject, old: ApiObject): boolean {
  switch (type.generation) {
    case 'none':
      return false;
    case 'spec':
      return !isDeepEqual(content(object, type.hasStatus), content(old, type.hasStatus));
    case 'all':
      return true;
  }
}

/** What a user wishes: all but metadata and, where it is the server's, status. */
function content(object: ApiObject, hasStatus: boolean): JsonObject {
  const { metadata: _metadata, status, ...rest } = object;
  return hasStatus ? rest : { ...rest, status };
}

function withGeneration(object: ApiObject, generation: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, generation } };
}

function withoutVersion(object: ApiObject): ApiObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
