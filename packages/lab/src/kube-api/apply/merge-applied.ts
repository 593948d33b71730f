import type { JsonSchema } from '@clustermesh/kube';

import { fieldsOf, itemsOf } from '../api-object.ts';
import type { JsonObject } from '../api-object.ts';
import { fieldSchema } from '../schema/prune.ts';
import { child, isEmpty } from './field-tree.ts';
import type { FieldTree } from './field-tree.ts';
import { itemSchema, itemStep, shapeOf } from './typed-parts.ts';

/** `live` with everything that `applied` says. */
export function mergeApplied(live: unknown, applied: unknown, schema: JsonSchema): unknown {
  const shape = shapeOf(applied, schema);
  if (live === undefined || shape === 'whole' || shape !== shapeOf(live, schema)) return applied;
  if (shape !== 'object') return mergeItems(itemsOf(live), itemsOf(applied), schema);
  const merged: Record<string, unknown> = { ...fieldsOf(live) };
  for (const [field, value] of Object.entries(fieldsOf(applied))) {
    merged[field] = mergeApplied(merged[field], value, fieldSchema(schema, field) ?? {});
  }
  return merged;
}

/** In the order of `applied`; items that only others know stay behind the item that was before them. */
function mergeItems(live: readonly unknown[], applied: readonly unknown[], schema: JsonSchema): unknown[] {
  const wanted = new Map(applied.map((item) => [itemStep(item, schema), item]));
  const ranks = new Map([...wanted.keys()].map((step, rank) => [step, rank]));
  let rank = -1;
  const kept = live.map((item) => {
    const step = itemStep(item, schema);
    rank = ranks.get(step) ?? rank;
    const merged = wanted.has(step) ? mergeApplied(item, wanted.get(step), itemSchema(schema)) : item;
    wanted.delete(step);
    return { item: merged, rank };
  });
  const added = Array.from(wanted, ([step, item]) => ({ item, rank: ranks.get(step) ?? rank }));
  return [...kept, ...added].sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}

/** `value` without the members of `dropped`, as far as nothing in them is in `kept`; undefined when nothing is left. */
export function removeFields(value: unknown, dropped: FieldTree, kept: FieldTree, schema: JsonSchema): unknown {
  if (dropped.isMember && isEmpty(kept)) return undefined;
  if (dropped.children.size === 0) return value;
  switch (shapeOf(value, schema)) {
    case 'object':
      return removeFromObject(fieldsOf(value), dropped, kept, schema);
    case 'keyed-list':
    case 'set': {
      const items = itemsOf(value)
        .map((item) => {
          const step = itemStep(item, schema);
          return removeFields(item, child(dropped, step), child(kept, step), itemSchema(schema));
        })
        .filter((item) => item !== undefined);
      return items.length === 0 && !kept.isMember ? undefined : items;
    }
    case 'whole':
      return value;
  }
}

function removeFromObject(object: JsonObject, dropped: FieldTree, kept: FieldTree, schema: JsonSchema): unknown {
  const left = Object.entries(object)
    .map(([field, inner]) => {
      const step = `f:${field}`;
      return [
        field,
        removeFields(inner, child(dropped, step), child(kept, step), fieldSchema(schema, field) ?? {}),
      ] as const;
    })
    .filter(([, inner]) => inner !== undefined);
  return left.length === 0 && !kept.isMember ? undefined : Object.fromEntries(left);
}
