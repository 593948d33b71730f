import type { JsonSchema } from '@clustermesh/kube';

import { badRequest } from '../api-errors.ts';
import { isJsonObject } from '../api-object.ts';
import type { JsonObject } from '../api-object.ts';
import { fieldSchema, joinPath, keepsUnknown } from './prune.ts';
import type { OnUnknown } from './prune.ts';
import { textProblem } from './text-formats.ts';

export interface DecodeContext {
  readonly kind: string;
  /** The version of the API that the object is sent to. */
  readonly version: string;
  readonly onUnknown: OnUnknown;
}

/**
 * Reads an object as Go's decoder reads it into a struct: a null is an absent field, and so is one that the type does
 * not have. Throws BadRequest when a value has another type than its field.
 */
export function decodeBuiltin(value: unknown, schema: JsonSchema, context: DecodeContext): unknown {
  return decode(value, schema, { struct: schema.title ?? '', path: '', indexed: '' }, context);
}

/** Go names fields without the places in lists on the way; the strict decoder with them. */
interface Place {
  /** The innermost struct on the way. */
  readonly struct: string;
  readonly path: string;
  readonly indexed: string;
}

function decode(value: unknown, schema: JsonSchema, place: Place, context: DecodeContext): unknown {
  if (!isOfType(value, schema)) throw mismatch(value, schema, place, context);
  if (Array.isArray(value)) {
    const { items = {} } = schema;
    return value.map((item, index) =>
      decode(item ?? zeroOf(items), items, { ...place, indexed: `${place.indexed}[${index}]` }, context),
    );
  }
  if (typeof value === 'string') checkText(value, schema, place, context);
  return isJsonObject(value) ? decodeFields(value, schema, place, context) : value;
}

function decodeFields(value: JsonObject, schema: JsonSchema, place: Place, context: DecodeContext): JsonObject {
  const decoded: Record<string, unknown> = {};
  for (const [field, inner] of Object.entries(value)) {
    const innerSchema = fieldSchema(schema, field);
    const at = joinPath(place.indexed, field);
    if (innerSchema === undefined && !keepsUnknown(schema)) context.onUnknown(at);
    else if (innerSchema === undefined) decoded[field] = inner;
    else if (inner !== null && inner !== undefined) {
      const path = joinPath(place.path, field);
      decoded[field] = decode(inner, innerSchema, { struct: schema.title ?? place.struct, path, indexed: at }, context);
    }
  }
  return decoded;
}

function zeroOf(schema: JsonSchema): unknown {
  return schema.type === 'object' ? {} : schema.type === 'string' ? '' : 0;
}

function isOfType(value: unknown, schema: JsonSchema): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) return Number.isInteger(value) || typeof value === 'string';
  switch (schema.type) {
    case 'object':
      return isJsonObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
    case 'string':
    case 'boolean':
      return typeof value === schema.type;
    default:
      return true;
  }
}

function checkText(text: string, { format }: JsonSchema, { path }: Place, context: DecodeContext): void {
  const problem = textProblem(text, format, path.slice(path.lastIndexOf('.') + 1));
  if (problem !== undefined) throw undecodable(context, problem);
}

function undecodable({ kind, version }: DecodeContext, why: string): Error {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
}

function mismatch(value: unknown, schema: JsonSchema, { struct, path }: Place, context: DecodeContext): Error {
  const where = path === '' ? 'value' : `struct field ${struct}.${path}`;
  const what = `json: cannot unmarshal ${jsonType(value)} into Go ${where} of type ${goType(schema)}`;
  return undecodable(context, what);
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goType(schema: JsonSchema): string {
  const { type, format, title, items = {} } = schema;
  if (schema['x-kubernetes-int-or-string'] === true) return 'intstr.IntOrString';
  if (type === 'array') return `[]${goType(items)}`;
  if (type === 'object')
    return title === undefined ? `map[string]${goType(fieldSchema(schema, '') ?? {})}` : `v1.${title}`;
  return goScalars[`${type ?? ''} ${format ?? ''}`] ?? 'string';
}

const goScalars: Readonly<Record<string, string>> = {
  ' ': 'interface {}',
  'boolean ': 'bool',
  'integer int32': 'int32',
  'integer int64': 'int64',
  'number double': 'float64',
  'string date-time': 'v1.Time',
  'string byte': '[]uint8',
};
