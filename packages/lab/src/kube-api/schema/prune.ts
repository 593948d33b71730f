import type { JsonSchema } from '@clustermesh/kube';

import { isJsonObject } from '../api-object.ts';

/** Told of each field that the schema does not know, by its path. */
export type OnUnknown = (path: string) => void;

/** A copy of `value` without the fields that the schema does not know; the same value when it knows them all. */
export function prune<T>(value: T, schema: JsonSchema, onUnknown: OnUnknown, path = ''): T {
  return prunePart(value, schema, onUnknown, path) as T;
}

function prunePart(value: unknown, schema: JsonSchema, onUnknown: OnUnknown, path: string): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined
      ? value
      : mapped(value, (item, index) => prunePart(item, items, onUnknown, `${path}[${index}]`));
  }
  if (!isJsonObject(value)) return value;
  let isChanged = false;
  const kept: Record<string, unknown> = {};
  for (const [field, inner] of Object.entries(value)) {
    const at = joinPath(path, field);
    const innerSchema = fieldSchema(schema, field);
    if (innerSchema !== undefined) kept[field] = prunePart(inner, innerSchema, onUnknown, at);
    else if (keepsUnknown(schema)) kept[field] = inner;
    else onUnknown(at);
    isChanged ||= kept[field] !== inner;
  }
  return isChanged ? kept : value;
}

function mapped(items: readonly unknown[], change: (item: unknown, index: number) => unknown): readonly unknown[] {
  const changed = items.map(change);
  return changed.every((item, index) => item === items[index]) ? items : changed;
}

/** What the schema says of one field; undefined when it says nothing. */
export function fieldSchema(schema: JsonSchema, field: string): JsonSchema | undefined {
  const known = schema.properties;
  if (known !== undefined && Object.hasOwn(known, field)) return known[field];
  if (typeof schema.additionalProperties === 'object') return schema.additionalProperties;
  return schema['x-kubernetes-embedded-resource'] === true && embeddedFields.includes(field) ? anything : undefined;
}

const embeddedFields = ['apiVersion', 'kind', 'metadata'];
const anything: JsonSchema = { 'x-kubernetes-preserve-unknown-fields': true };

export function keepsUnknown(schema: JsonSchema): boolean {
  return (
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema.additionalProperties === true ||
    (schema.type === undefined && schema.properties === undefined)
  );
}

export function joinPath(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}
