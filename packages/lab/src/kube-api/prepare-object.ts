/** From what a client sent to what is stored: pure, so that a dry run is the same without the commit. */
import type { ObjectMeta, Subresource } from '@clustermesh/kube';

import { badRequest, conflict, invalid, invalidValue } from './api-errors.ts';
import { fieldsOf, isDeepEqual, isJsonObject } from './api-object.ts';
import type { ApiObject, JsonObject } from './api-object.ts';
import { checkMetadata } from './metadata-rules.ts';
import { apiVersion, storageVersion } from './resource-type.ts';
import type { ResourceType, ServedVersion } from './resource-type.ts';
import { applySchema, validateSchema } from './structural-schema.ts';

export interface Identity {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string;
  readonly creationTimestamp: string;
}

/** Checks that a body is an object of the type at all. Throws BadRequest. */
export function acceptBody(type: ResourceType, version: string, body: unknown): ApiObject {
  if (!isJsonObject(body) || !isJsonObject(body['metadata'] ?? {})) throw badRequest('the body must be an object');
  const wanted = { apiVersion: apiVersion(type, version), kind: type.kind };
  for (const field of ['apiVersion', 'kind'] as const) {
    const got = body[field];
    if (got === undefined || got === '' || got === wanted[field]) continue;
    throw badRequest(
      `the ${field} in the data (${JSON.stringify(got)}) does not match the expected ${field} (${wanted[field]})`,
    );
  }
  // Managed fields are not kept: the last writer of a field is nowhere shown.
  const content = type.prunes ? body : fieldsOf(withoutNulls(body));
  const { managedFields: _, ...metadata } = fieldsOf(content['metadata']);
  return { ...content, apiVersion: storageVersion(type), kind: type.kind, metadata: { name: '', ...metadata } };
}

/** In Go a null is an absent field; built-in types are decoded by Go. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([field, inner]) => [field, withoutNulls(inner)]));
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
  check(type, version, object, undefined);
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
  const edited = subresource === 'status' ? { ...old, status: sent['status'] } : mainEdit(type, sent, old);
  const complete = complementedBy(type, version, edited);
  const updated = type.strategy.onUpdate?.(complete, old) ?? complete;
  check(type, version, updated, old);
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

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

/** Everything as sent, but what only the server or the status subresource may write. */
function mainEdit(type: ResourceType, sent: ApiObject, old: ApiObject): ApiObject {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace, name } =
    old.metadata;
  const system = { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace, name };
  const metadata = { ...withoutSystemFields(sent.metadata), ...withoutUndefined(system), name };
  if (!type.hasStatus) return { ...sent, metadata };
  const { status: _, ...rest } = sent;
  return 'status' in old ? { ...rest, metadata, status: old['status'] } : { ...rest, metadata };
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
function complementedBy(type: ResourceType, version: ServedVersion, object: ApiObject): ApiObject {
  const { schema } = version;
  if (schema === undefined) return type.strategy.defaults?.(object) ?? object;
  checkSchema(type, schema, object); // before the strategy, which trusts the shapes
  const { apiVersion: version_, kind, metadata } = object;
  const known = { ...schema, properties: { apiVersion: {}, kind: {}, metadata: {}, ...schema.properties } };
  const applied = fieldsOf(applySchema(object, known, type.prunes));
  const completed: ApiObject = { ...applied, apiVersion: version_, kind, metadata };
  return type.strategy.defaults?.(completed) ?? completed;
}

function checkSchema(type: ResourceType, schema: NonNullable<ServedVersion['schema']>, object: ApiObject): void {
  const { metadata: _, ...content } = object;
  const causes = validateSchema(content, schema).filter(({ field }) => field !== 'metadata');
  if (causes.length > 0) throw invalid(type, object.metadata.name, causes);
}

function check(type: ResourceType, version: ServedVersion, object: ApiObject, old: ApiObject | undefined): void {
  const causes = [...checkMetadata(type, object, old), ...(type.strategy.validate?.(object, old) ?? [])];
  if (causes.length > 0) throw invalid(type, object.metadata.name, causes);
  if (version.schema !== undefined) checkSchema(type, version.schema, object);
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
