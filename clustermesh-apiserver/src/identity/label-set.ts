import { identityText, parseLabel } from '@clustermesh/wire';
import type { LabelArray } from '@clustermesh/wire';

/** A label set by its text on the wire: sorted, so that equal sets have equal texts. */
export function labelText(labels: LabelArray): string {
  return identityText(labels);
}

/** Labels as `source:key` -> value, the form that Kubernetes objects hold. */
export function labelRecord(labels: LabelArray): Readonly<Record<string, string>> {
  return Object.fromEntries(labels.map(({ source, key, value }) => [`${source}:${key}`, value]));
}

export function labelsOfRecord(record: Readonly<Record<string, string>>): LabelArray {
  return Object.entries(record).map(([name, value]) => parseLabel(`${name}=${value}`));
}
