import { isUtf8 } from 'node:buffer';
import { ok, refuse } from '@clustermesh/runtime';
import type { Codec } from './codec.ts';
import { compareUtf8 } from './go-text.ts';

export interface Label {
  /** k8s, cidr, reserved, … */
  readonly source: string;
  readonly key: string;
  readonly value: string;
}

/** The labels of one identity, as listed: the same key may occur twice, and then the last one counts. */
export type LabelArray = readonly Label[];

/** Which cluster a workload runs in: every pod's identity has it (protocol.md §5.5). */
export const policyClusterLabel = 'io.cilium.k8s.policy.cluster';
export const policyServiceAccountLabel = 'io.cilium.k8s.policy.serviceaccount';
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
export const namespaceLabelPrefix = 'io.cilium.k8s.namespace.labels.';

const reserved = 'reserved';
const unspecified = 'unspec';

/** STABLE API, protocol.md §2.6: `source:key=value;` for each label, sorted by key. Nothing is escaped. */
export const identityCodec: Codec<LabelArray> = {
  encode: (labels) => Buffer.from(identityText(labels)),
  decode(bytes) {
    if (!isUtf8(bytes)) return refuse('labels are not UTF-8');
    const elements = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split(';');
    return ok(elements.map(parseLabel).filter(({ key }) => key !== ''));
  },
};

/** The same as a text: equal sets have equal ones. */
export function identityText(labels: LabelArray): string {
  return sortByKey(labels).map(formatLabel).join('');
}

/** One label as people and Kubernetes objects write it: `k8s:app=web`, `reserved:host`, `$host`. */
export function parseLabel(text: string): Label {
  const [source, rest] = splitSource(text);
  const equals = rest.indexOf('=');
  if (equals < 0) return { source, key: rest, value: '' };
  if (equals === 0 && source === reserved) return { source, key: rest.slice(1), value: '' };
  return { source, key: rest.slice(0, equals), value: rest.slice(equals + 1) };
}

function splitSource(text: string): readonly [source: string, rest: string] {
  if (text.startsWith('$')) return [reserved, text.slice(1)];
  const colon = text.indexOf(':');
  if (colon < 0) return [unspecified, text];
  return [text.slice(0, colon) || unspecified, text.slice(colon + 1)];
}

function formatLabel({ source, key, value }: Label): string {
  return `${source}:${key}=${value};`;
}

function sortByKey(labels: LabelArray): LabelArray {
  return labels.toSorted((left, right) => compareUtf8(left.key, right.key));
}
