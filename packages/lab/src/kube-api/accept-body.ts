import type { ObjectRef } from '@clustermesh/kube';

import { badRequest, invalid, requiredValue, strictDecodingError, untypedPatch } from './api-errors.ts';
import { fieldsOf, isJsonObject } from './api-object.ts';
import type { ApiObject, JsonObject } from './api-object.ts';
import type { ServedSlot } from './resource-slot.ts';
import { apiVersion, storageVersion } from './resource-type.ts';
import { builtinStructures } from './schema/builtin-structures.ts';
import { decodeBuiltin } from './schema/decode-builtin.ts';
import { prune } from './schema/prune.ts';

export interface AcceptOptions {
  /** What becomes of fields that the type does not have, besides being dropped. */
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore' | undefined;
  /** Takes what the client should be told in a Warning header. */
  readonly warn?: ((text: string) => void) | undefined;
}

/** A body as an object of the type, with the fields that it has. Throws BadRequest when it is none. */
export function acceptBody(served: ServedSlot, body: unknown, options: AcceptOptions = {}): ApiObject {
  const { type, version } = served;
  if (!isJsonObject(body) || !isJsonObject(body['metadata'] ?? {})) throw badRequest('the body must be an object');
  checkTypeMeta(served, body);
  if (version.deprecation !== undefined) options.warn?.(version.deprecation);
  const content = fieldsOf(knownPart(served, body, options));
  const metadata = { name: '', ...fieldsOf(content['metadata']) };
  const object = { ...content, apiVersion: storageVersion(type), kind: type.kind, metadata };
  return type.conversion?.toStored(object) ?? object;
}

/** A body may leave out what the path says, unless the type is a custom one. */
function checkTypeMeta({ type, version }: ServedSlot, body: JsonObject): void {
  const missing = (['kind', 'apiVersion'] as const).find((field) => (body[field] ?? '') === '');
  if (type.isCustom && missing !== undefined) {
    throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): ${missing} is missing`);
  }
  const wanted = { apiVersion: apiVersion(type, version.name), kind: type.kind };
  for (const field of ['apiVersion', 'kind'] as const) {
    const got = body[field];
    if (got === undefined || got === '' || got === wanted[field]) continue;
    throw badRequest(
      `the ${field} in the data (${JSON.stringify(got)}) does not match the expected ${field} (${wanted[field]})`,
    );
  }
}

/** An object to apply, which must be one of its type in every field. Throws what a typed patch throws. */
export function acceptApplied(
  served: ServedSlot,
  ref: ObjectRef,
  body: unknown,
  options: AcceptOptions & { readonly fieldManager?: string | undefined },
): ApiObject {
  const { type, version } = served;
  if (options.fieldManager === undefined) {
    const cause = requiredValue('fieldManager', 'is required for apply patch');
    throw invalid({ group: 'meta.k8s.io', plural: '', kind: 'PatchOptions' }, '', [cause]);
  }
  const metadata = fieldsOf(fieldsOf(body)['metadata']);
  if (metadata['managedFields'] !== undefined && metadata['managedFields'] !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }
  if (['apiVersion', 'kind'].some((field) => (fieldsOf(body)[field] ?? '') === '')) {
    throw badRequest('invalid object type: an object to apply says its apiVersion and kind');
  }
  const unknown: string[] = [];
  prune(fieldsOf(body), version.structure, (path) => void unknown.push(path));
  const [first] = unknown;
  if (first !== undefined) throw untypedPatch(type, { ...ref, version: version.name }, first);
  const accepted = acceptBody(served, body, { ...options, fieldValidation: 'Ignore' });
  return accepted.metadata.name === '' ? { ...accepted, metadata: { ...accepted.metadata, name: ref.name } } : accepted;
}

function knownPart({ type, version }: ServedSlot, body: object, options: AcceptOptions): unknown {
  const unknown: string[] = [];
  const onUnknown = (path: string): void => void unknown.push(path);
  const context = { kind: type.kind, version: version.name, onUnknown };
  const known = type.isCustom
    ? { ...prune(body, version.structure, onUnknown), metadata: decodeMetadata(fieldsOf(body)['metadata'], context) }
    : decodeBuiltin(body, version.structure, context);
  const fields = [...new Set(unknown)].map((path) => `unknown field "${path}"`);
  if (options.fieldValidation === 'Strict' && fields.length > 0) {
    throw strictDecodingError(type.kind, version.name, fields);
  }
  if (options.fieldValidation !== 'Ignore') for (const text of fields) options.warn?.(text);
  return known;
}

function decodeMetadata(metadata: unknown, context: Parameters<typeof decodeBuiltin>[2]): unknown {
  // What it does not know, pruning the whole object has told already.
  const quiet = { ...context, onUnknown: () => undefined };
  return decodeBuiltin(metadata ?? {}, builtinStructures().get('ObjectMeta') ?? {}, quiet);
}
