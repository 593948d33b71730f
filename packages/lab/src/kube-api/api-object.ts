import type { KubeObject } from '@clustermesh/kube';

/** A JSON object whose fields are looked at by name. */
export interface JsonObject {
  readonly [field: string]: unknown;
}

/** An object of any type. Those in the store are deeply frozen, and are handed out without a copy. */
export interface ApiObject extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value if it is an object, else an empty one: absent and null read alike, as in Go. */
export function fieldsOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value at a path of field names; undefined when the path leaves the object. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((at, field) => (isJsonObject(at) && Object.hasOwn(at, field) ? at[field] : undefined), value);
}

/** A copy of `object` with the value at `path` replaced; objects on the way are created. */
export function withValueAt(object: JsonObject, path: readonly string[], value: unknown): JsonObject {
  const [field, ...rest] = path;
  if (field === undefined) return object;
  return { ...object, [field]: rest.length === 0 ? value : withValueAt(fieldsOf(object[field]), rest, value) };
}

/** Freezes what JSON can hold. Frozen parts are skipped, as new versions share most of the old one. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}

/** Equal as JSON: fields that are undefined count as absent. */
export function isDeepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isDeepEqual(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const fields = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...fields].every((field) => isDeepEqual(a[field], b[field]));
}

/** meta/v1 Time: RFC 3339 with seconds. */
export function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
