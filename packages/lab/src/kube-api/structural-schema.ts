import type { JsonSchema, StatusCause } from '@clustermesh/kube';

import { invalidValue, requiredValue } from './api-errors.ts';
import { isDeepEqual, isJsonObject } from './api-object.ts';
import type { JsonObject } from './api-object.ts';

/** Fills in the schema's defaults and, when pruning, drops what it does not know (metadata is not its business). */
export function applySchema(value: unknown, schema: JsonSchema, prunes: boolean): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => applySchema(item, items, prunes));
  }
  if (!isJsonObject(value)) return value;
  const known = schema.properties ?? {};
  const entries = Object.entries(value).flatMap(([field, inner]): [string, unknown][] => {
    const innerSchema = Object.hasOwn(known, field) ? known[field] : additional(schema);
    if (innerSchema !== undefined) return [[field, applySchema(inner, innerSchema, prunes)]];
    return prunes && !keepsUnknown(schema) ? [] : [[field, inner]];
  });
  return { ...Object.fromEntries(entries), ...defaultsFor(value, known, prunes) };
}

function defaultsFor(value: JsonObject, known: NonNullable<JsonSchema['properties']>, prunes: boolean): JsonObject {
  const missing = Object.entries(known).filter(([field, schema]) => {
    const isMissing = value[field] === undefined || (value[field] === null && schema.nullable !== true);
    return isMissing && schema.default !== undefined;
  });
  return Object.fromEntries(missing.map(([field, schema]) => [field, applySchema(schema.default, schema, prunes)]));
}

function additional(schema: JsonSchema): JsonSchema | undefined {
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

function keepsUnknown(schema: JsonSchema): boolean {
  return (
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema['x-kubernetes-embedded-resource'] === true ||
    schema.additionalProperties === true ||
    schema.type === undefined
  );
}

/** What is wrong with `value`; empty when nothing is. Rules in CEL are not evaluated. */
export function validateSchema(value: unknown, schema: JsonSchema, path = ''): StatusCause[] {
  if (value === null && schema.nullable === true) return [];
  const typeCause = checkType(value, schema, path);
  if (typeCause !== undefined) return [typeCause];
  return [...checkLimits(value, schema, path), ...checkParts(value, schema, path)];
}

function checkType(value: unknown, schema: JsonSchema, path: string): StatusCause | undefined {
  const actual = typeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    return actual === 'integer' || actual === 'string' ? undefined : mustBe(path, value, 'integer or string', actual);
  }
  const isRight =
    schema.type === undefined || schema.type === actual || (schema.type === 'number' && actual === 'integer');
  return isRight ? undefined : mustBe(path, value, schema.type ?? '', actual);
}

function mustBe(path: string, value: unknown, wanted: string, actual: string): StatusCause {
  return invalidValue(path, value, `${path} in body must be of type ${wanted}: "${actual}"`);
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function checkLimits(value: unknown, schema: JsonSchema, path: string): StatusCause[] {
  const isAllowed = schema.enum === undefined || schema.enum.some((allowed) => isDeepEqual(allowed, value));
  const broken = [
    ...(isAllowed ? [] : [`supported values: ${JSON.stringify(schema.enum)}`]),
    ...(typeof value === 'string' ? brokenByText(value, schema) : []),
    ...(typeof value === 'number' ? brokenByNumber(value, schema) : []),
    ...(Array.isArray(value) ? brokenBySize(value.length, schema.minItems, schema.maxItems) : []),
    ...(isJsonObject(value) ? brokenBySize(Object.keys(value).length, undefined, schema.maxProperties) : []),
  ];
  return broken.map((why) => invalidValue(path, value, `${path} in body ${why}`));
}

function brokenByText(text: string, { pattern, minLength, maxLength }: JsonSchema): string[] {
  const isMatch = pattern === undefined || new RegExp(pattern, 'u').test(text);
  return [...(isMatch ? [] : [`should match '${pattern}'`]), ...brokenBySize(text.length, minLength, maxLength)];
}

function brokenByNumber(value: number, { minimum = -Infinity, maximum = Infinity }: JsonSchema): string[] {
  if (value < minimum) return [`should be greater than or equal to ${minimum}`];
  return value > maximum ? [`should be less than or equal to ${maximum}`] : [];
}

function brokenBySize(size: number, least = 0, most = Infinity): string[] {
  if (size < least) return [`should have at least ${least} items or characters`];
  return size > most ? [`should have at most ${most} items or characters`] : [];
}

function checkParts(value: unknown, schema: JsonSchema, path: string): StatusCause[] {
  const { items } = schema;
  if (Array.isArray(value)) {
    if (items === undefined) return [];
    return value.flatMap((item, index) => validateSchema(item, items, `${path}[${index}]`));
  }
  if (!isJsonObject(value)) return [];
  const missing = (schema.required ?? []).filter((field) => value[field] === undefined);
  return [
    ...missing.map((field) => requiredValue(join(path, field))),
    ...Object.entries(value).flatMap(([field, inner]) => {
      const known = Object.hasOwn(schema.properties ?? {}, field) ? schema.properties?.[field] : additional(schema);
      return known === undefined || inner === undefined ? [] : validateSchema(inner, known, join(path, field));
    }),
  ];
}

function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}
