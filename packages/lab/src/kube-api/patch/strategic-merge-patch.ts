import { fieldsOf, isDeepEqual, isJsonObject, itemsOf } from '../api-object.ts';
import type { JsonObject } from '../api-object.ts';

/**
 * The fields whose lists merge by a key instead of being replaced, as the patchMergeKey tags of the Kubernetes API
 * say for the built-in types that the lab serves. `parent/field` wins over `field`.
 */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  ownerReferences: 'uid',
  conditions: 'type',
  podIPs: 'ip',
  'containers/ports': 'containerPort',
  'initContainers/ports': 'containerPort',
  'spec/ports': 'port',
  'spec/taints': 'key',
  'status/addresses': 'type',
};
/** Lists of plain values that merge as sets. */
const mergedSets = new Set(['finalizers', 'podCIDRs']);

const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

/** Kubernetes' strategic merge patch of a built-in object, directives included. */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  return mergeObjects(fieldsOf(target), fieldsOf(patch), '');
}

function mergeObjects(target: JsonObject, patch: JsonObject, parent: string): JsonObject {
  if (patch['$patch'] === 'delete') return {};
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const merged: Record<string, unknown> = retain(target, patch['$retainKeys']);
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$')) continue;
    if (value === null) delete merged[field];
    else merged[field] = mergeField(merged[field], value, parent, field);
  }
  for (const [directive, value] of Object.entries(patch)) {
    if (directive.startsWith(deletePrefix)) removeValues(merged, directive.slice(deletePrefix.length), itemsOf(value));
    if (directive.startsWith(orderPrefix)) {
      orderItems(merged, directive.slice(orderPrefix.length), itemsOf(value), parent);
    }
  }
  return merged;
}

function mergeField(before: unknown, value: unknown, parent: string, field: string): unknown {
  if (isJsonObject(value)) return mergeObjects(fieldsOf(before), value, field);
  if (!Array.isArray(value)) return value;
  if (mergedSets.has(field)) return [...new Set([...itemsOf(before), ...(value as unknown[])])];
  const key = mergeKey(parent, field);
  return key === undefined ? value : mergeItems(itemsOf(before), value as unknown[], key, field);
}

function mergeKey(parent: string, field: string): string | undefined {
  return mergeKeys[`${parent}/${field}`] ?? mergeKeys[field];
}

function mergeItems(before: readonly unknown[], patches: readonly unknown[], key: string, field: string): unknown[] {
  if (patches.some((patch) => fieldsOf(patch)['$patch'] === 'replace')) {
    return patches.filter((patch) => fieldsOf(patch)['$patch'] === undefined);
  }
  const items = [...before];
  for (const patch of patches.map(fieldsOf)) {
    const index = items.findIndex((item) => fieldsOf(item)[key] === patch[key]);
    if (patch['$patch'] === 'delete') items.splice(index, index === -1 ? 0 : 1);
    else if (index === -1) items.push(mergeObjects({}, patch, field));
    else items[index] = mergeObjects(fieldsOf(items[index]), patch, field);
  }
  return items;
}

function retain(target: JsonObject, retained: unknown): Record<string, unknown> {
  if (!Array.isArray(retained)) return { ...target };
  return Object.fromEntries(Object.entries(target).filter(([field]) => retained.includes(field)));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([field]) => !field.startsWith('$')));
}

function removeValues(merged: Record<string, unknown>, field: string, values: readonly unknown[]): void {
  merged[field] = itemsOf(merged[field]).filter((item) => !values.some((value) => isDeepEqual(item, value)));
}

/** Items that the order names take its order; the others (of the server) stay behind the item before them. */
function orderItems(merged: Record<string, unknown>, field: string, order: readonly unknown[], parent: string): void {
  const key = mergeKey(parent, field);
  const identity = (item: unknown): unknown => (key === undefined ? item : fieldsOf(item)[key]);
  const ranks = new Map(order.map((item, rank) => [identity(item), rank]));
  let rank = -1;
  const ranked = itemsOf(merged[field]).map((item) => {
    rank = ranks.get(identity(item)) ?? rank;
    return { item, rank };
  });
  merged[field] = ranked.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}
