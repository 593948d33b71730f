import { isJsonObject } from '../api-object.ts';
import type { JsonObject } from '../api-object.ts';

/**
 * A set of fields of an object, as a tree of steps: `f:NAME` into an object, `k:{"name":"x"}` to the item of a list
 * with those keys, `v:VALUE` to a member of a set. `isMember`: this place itself is in the set.
 */
export interface FieldTree {
  readonly isMember: boolean;
  readonly children: ReadonlyMap<string, FieldTree>;
}

export const emptyTree: FieldTree = { isMember: false, children: new Map() };
export const memberLeaf: FieldTree = { isMember: true, children: new Map() };

/** Without the children in which nothing is. */
export function tree(isMember: boolean, children: Iterable<readonly [string, FieldTree]>): FieldTree {
  return { isMember, children: new Map([...children].filter(([, child]) => !isEmpty(child))) };
}

export function isEmpty({ isMember, children }: FieldTree): boolean {
  return !isMember && children.size === 0;
}

export function union(a: FieldTree, b: FieldTree): FieldTree {
  const steps = new Set([...a.children.keys(), ...b.children.keys()]);
  return tree(
    a.isMember || b.isMember,
    Array.from(steps, (step) => [step, union(child(a, step), child(b, step))]),
  );
}

/** What is in `a` and not in `b`. */
export function difference(a: FieldTree, b: FieldTree): FieldTree {
  return tree(
    a.isMember && !b.isMember,
    Array.from(a.children, ([step, inner]) => [step, difference(inner, child(b, step))]),
  );
}

export function intersection(a: FieldTree, b: FieldTree): FieldTree {
  return tree(
    a.isMember && b.isMember,
    Array.from(a.children, ([step, inner]) => [step, intersection(inner, child(b, step))]),
  );
}

export function isSameTree(a: FieldTree, b: FieldTree): boolean {
  return isEmpty(difference(a, b)) && isEmpty(difference(b, a));
}

export function child({ children }: FieldTree, step: string): FieldTree {
  return children.get(step) ?? emptyTree;
}

/** As in `metadata.managedFields`: a member without children is `{}`, one with children has a `.` among them. */
export function toFieldsV1({ isMember, children }: FieldTree): JsonObject {
  const steps = [...children].sort(([a], [b]) => (a < b ? -1 : 1));
  const inner = Object.fromEntries(steps.map(([step, below]) => [step, toFieldsV1(below)]));
  return isMember && children.size > 0 ? { '.': {}, ...inner } : inner;
}

export function fromFieldsV1(fields: unknown): FieldTree {
  if (!isJsonObject(fields)) return emptyTree;
  const steps = Object.entries(fields).filter(([step]) => step !== '.');
  return {
    isMember: '.' in fields || steps.length === 0,
    children: new Map(steps.map(([step, inner]) => [step, fromFieldsV1(inner)])),
  };
}

/** The members as people read them: `.spec.ports[port=80,protocol="TCP"].targetPort`. */
export function pathsOf({ isMember, children }: FieldTree, path = ''): readonly string[] {
  const inner = [...children].flatMap(([step, below]) => pathsOf(below, path + stepText(step)));
  return isMember ? [path, ...inner] : inner;
}

function stepText(step: string): string {
  const said = step.slice(2);
  if (step.startsWith('f:')) return `.${said}`;
  if (step.startsWith('v:')) return `[=${said}]`;
  const keys = Object.entries(JSON.parse(said) as JsonObject);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}
