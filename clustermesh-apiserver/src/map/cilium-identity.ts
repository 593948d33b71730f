import type { CiliumIdentity } from '@clustermesh/kube';
import { parseLabel } from '@clustermesh/wire';
import type { LabelArray } from '@clustermesh/wire';

/** The labels of an identity, empty when it has none; as in Go, a key that two sources have is there once. */
export function labelsOfCiliumIdentity({ 'security-labels': labels }: CiliumIdentity): LabelArray {
  const parsed = Object.entries(labels ?? {}).map(([name, value]) => ({ ...parseLabel(name), value }));
  return [...new Map(parsed.map((label) => [label.key, label])).values()];
}
