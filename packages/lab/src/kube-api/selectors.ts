import { badRequest } from './api-errors.ts';
import type { ApiObject } from './api-object.ts';
import { valueAt } from './api-object.ts';
import type { ResourceType } from './resource-type.ts';

type Labels = Readonly<Record<string, string>>;
export type ObjectFilter = (object: ApiObject) => boolean;

/** Filters by label and field selector, both in kubectl's syntax; undefined selects everything. */
export function objectFilter(
  type: ResourceType,
  selectors: { readonly labelSelector?: string | undefined; readonly fieldSelector?: string | undefined },
): ObjectFilter {
  const byLabels = parseLabelSelector(selectors.labelSelector ?? '');
  const byFields = parseFieldSelector(selectors.fieldSelector ?? '', type);
  return (object) => byLabels(object.metadata.labels ?? {}) && byFields(object);
}

const key = String.raw`(?<key>[A-Za-z0-9./_-]+)`;
/** Each form of a requirement, and what it asks of the labels. */
const requirementForms: readonly [RegExp, (key: string, values: readonly string[]) => (labels: Labels) => boolean][] = [
  [
    new RegExp(String.raw`^${key}\s+in\s*\((?<values>[^()]*)\)$`),
    (k, vs) => (l) => l[k] !== undefined && vs.includes(l[k]),
  ],
  [
    new RegExp(String.raw`^${key}\s+notin\s*\((?<values>[^()]*)\)$`),
    (k, vs) => (l) => l[k] === undefined || !vs.includes(l[k]),
  ],
  [
    new RegExp(String.raw`^${key}\s*!=\s*(?<values>[^=,()]*)$`),
    (k, [v]) =>
      (l) =>
        l[k] !== v,
  ],
  [
    new RegExp(String.raw`^${key}\s*==?\s*(?<values>[^=,()]*)$`),
    (k, [v]) =>
      (l) =>
        l[k] === v,
  ],
  [new RegExp(String.raw`^!\s*${key}$`), (k) => (l) => l[k] === undefined],
  [new RegExp(String.raw`^${key}$`), (k) => (l) => l[k] !== undefined],
];

/** `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, joined by commas. Throws BadRequest. */
export function parseLabelSelector(text: string): (labels: Labels) => boolean {
  const tests = splitOutsideParentheses(text).map((requirement) => {
    for (const [form, test] of requirementForms) {
      const found = form.exec(requirement)?.groups;
      if (found === undefined) continue;
      const values = (found['values'] ?? '').split(',').map((value) => value.trim());
      return test(found['key'] ?? '', values);
    }
    throw badRequest(`unable to parse requirement: ${JSON.stringify(requirement)} in label selector`);
  });
  return (labels) => tests.every((test) => test(labels));
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `path=value` and `path!=value`, joined by commas; only paths that the type can be selected by. */
export function parseFieldSelector(text: string, type: ResourceType): ObjectFilter {
  const selectable = ['metadata.name', ...(type.namespaced ? ['metadata.namespace'] : []), ...type.selectableFields];
  const tests = splitOutsideParentheses(text).map((requirement): ObjectFilter => {
    const found = /^(?<path>[\w.]+?)\s*(?<operator>!=|==|=)\s*(?<value>.*)$/.exec(requirement)?.groups;
    const path = found?.['path'] ?? '';
    if (found === undefined) throw badRequest(`invalid field selector: ${JSON.stringify(requirement)}`);
    if (!selectable.includes(path)) throw badRequest(`field label not supported: ${path}`);
    const isWanted = found['operator'] !== '!=';
    return (object) => (textOf(valueAt(object, path.split('.'))) === found['value']) === isWanted;
  });
  return (object) => tests.every((test) => test(object));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
}
