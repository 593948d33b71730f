import type { JsonSchema } from '@clustermesh/kube';

import { isDeepEqual } from '../api-object.ts';
import { emptyTree, memberLeaf, tree } from './field-tree.ts';
import type { FieldTree } from './field-tree.ts';
import { isOwnedItself, partsOf, shapeOf } from './typed-parts.ts';
import type { Part } from './typed-parts.ts';

/** All fields that `value` says something about. */
export function fieldSet(value: unknown, schema: JsonSchema): FieldTree {
  const parts = partsOf(value, schema);
  if (parts.size === 0) return memberLeaf;
  return tree(
    false,
    Array.from(parts, ([step, part]) => {
      const inner = fieldSet(part.value, part.schema);
      return [step, step.startsWith('f:') ? inner : { ...inner, isMember: true }];
    }),
  );
}

export interface Comparison {
  /** Fields of which the new value says something else than the old one, or the old one nothing. */
  readonly written: FieldTree;
  readonly removed: FieldTree;
}

const nothing: Comparison = { written: emptyTree, removed: emptyTree };

/** How two values of one schema differ. What is emptied stays owned by whom it was. */
export function compareFields(before: unknown, after: unknown, schema: JsonSchema): Comparison {
  if (before === undefined && after === undefined) return nothing;
  if (after === undefined) return { written: emptyTree, removed: wholeSet(before, schema) };
  if (before === undefined) return { written: wholeSet(after, schema), removed: emptyTree };
  const shape = shapeOf(after, schema);
  if (shape === 'whole' || shape !== shapeOf(before, schema)) {
    return isDeepEqual(before, after) ? nothing : { written: memberLeaf, removed: wholeSet(before, schema) };
  }
  return compareParts(partsOf(before, schema), partsOf(after, schema));
}

function compareParts(before: ReadonlyMap<string, Part>, after: ReadonlyMap<string, Part>): Comparison {
  const steps = [...new Set([...before.keys(), ...after.keys()])];
  const compared = steps.map((step) => {
    const [old, fresh] = [before.get(step), after.get(step)];
    const { schema = {} } = fresh ?? old ?? {};
    const result = compareFields(old?.value, fresh?.value, schema);
    const isNew = old === undefined && fresh !== undefined && isOwnedItself(step, fresh);
    const isGone = fresh === undefined && old !== undefined && isOwnedItself(step, old);
    return {
      step,
      written: isNew ? asMember(result.written) : result.written,
      removed: isGone ? asMember(result.removed) : result.removed,
    };
  });
  return {
    written: tree(
      false,
      compared.map(({ step, written }) => [step, written]),
    ),
    removed: tree(
      false,
      compared.map(({ step, removed }) => [step, removed]),
    ),
  };
}

function asMember(fields: FieldTree): FieldTree {
  return { ...fields, isMember: true };
}

/** The fields of a value and, of maps and items, these themselves. */
function wholeSet(value: unknown, schema: JsonSchema): FieldTree {
  const parts = partsOf(value, schema);
  if (parts.size === 0) return memberLeaf;
  return tree(
    false,
    Array.from(parts, ([step, part]) => {
      const inner = wholeSet(part.value, part.schema);
      return [step, isOwnedItself(step, part) ? asMember(inner) : inner];
    }),
  );
}
