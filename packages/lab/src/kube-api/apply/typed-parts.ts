/** An object as its schema divides it: what is owned, compared and merged one by one, and what only as a whole. */
import type { JsonSchema } from '@clustermesh/kube';

import { fieldsOf, isJsonObject } from '../api-object.ts';
import type { JsonObject } from '../api-object.ts';
import { fieldSchema } from '../schema/prune.ts';

export interface Part {
  readonly value: unknown;
  readonly schema: JsonSchema;
}

export type Shape = 'object' | 'keyed-list' | 'set' | 'whole';

const anything: JsonSchema = { 'x-kubernetes-preserve-unknown-fields': true };

export function shapeOf(value: unknown, schema: JsonSchema): Shape {
  if (Array.isArray(value)) {
    const listType = schema['x-kubernetes-list-type'];
    if (listType === 'set') return 'set';
    return listType === 'map' ? 'keyed-list' : 'whole';
  }
  return isJsonObject(value) && schema['x-kubernetes-map-type'] !== 'atomic' ? 'object' : 'whole';
}

/** The parts below a value by the steps to them; none of what is written as a whole. Later twins count. */
export function partsOf(value: unknown, schema: JsonSchema): ReadonlyMap<string, Part> {
  switch (shapeOf(value, schema)) {
    case 'object':
      return new Map(
        Object.entries(fieldsOf(value)).map(([field, inner]) => [
          `f:${field}`,
          { value: inner, schema: fieldSchema(schema, field) ?? anything },
        ]),
      );
    case 'keyed-list':
    case 'set':
      return new Map(
        (value as readonly unknown[]).map((item) => [
          itemStep(item, schema),
          { value: item, schema: itemSchema(schema) },
        ]),
      );
    case 'whole':
      return new Map();
  }
}

export function itemSchema(schema: JsonSchema): JsonSchema {
  return schema.items ?? anything;
}

/** How an item of a keyed list or a set is named. A key that is missing has its default. */
export function itemStep(item: unknown, schema: JsonSchema): string {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] === 'set' || keys === undefined) return `v:${JSON.stringify(item)}`;
  return `k:${JSON.stringify(keysOf(fieldsOf(item), keys, itemSchema(schema)))}`;
}

function keysOf(item: JsonObject, keys: readonly string[], schema: JsonSchema): JsonObject {
  const named = [...keys].sort().map((key) => [key, item[key] ?? fieldSchema(schema, key)?.default] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined));
}

/** A map of the user's own keys, or an item: it can be owned itself, apart from what is in it. */
export function isOwnedItself(step: string, { value, schema }: Part): boolean {
  return !step.startsWith('f:') || (isJsonObject(value) && typeof schema.additionalProperties === 'object');
}
