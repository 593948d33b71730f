import { z } from 'zod';

import type { Requirement } from '../selector.ts';

const expression = z
  .strictObject({
    key: z.string(),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(z.string()).nullish(),
  })
  .refine(({ operator, values }) => operator === 'Exists' || operator === 'DoesNotExist' || (values ?? []).length > 0, {
    error: 'In and NotIn need values',
  })
  .refine(({ operator, values }) => operator === 'In' || operator === 'NotIn' || (values ?? []).length === 0, {
    error: 'Exists and DoesNotExist take no values',
  });

/** As written: a schema of records leaves a key named `__proto__` out, and a selector with less in it selects more. */
const labels = z.custom<Readonly<Record<string, string>>>(
  (value) => isObject(value) && Object.values(value).every((each) => typeof each === 'string'),
  { error: 'expected an object of strings' },
);

/** Kubernetes' LabelSelector. */
export const labelSelectorSchema = z.strictObject({
  matchLabels: labels.nullish(),
  matchExpressions: z.array(expression).nullish(),
});
export type LabelSelector = z.output<typeof labelSelectorSchema>;

/** A label's source and key. */
export type LabelName = Pick<Requirement, 'source' | 'key'>;

/** @param toName how a key of the object is one of an identity's labels */
export function requirementsOf(
  { matchLabels, matchExpressions }: LabelSelector,
  toName: (key: string) => LabelName,
): readonly Requirement[] {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]): Requirement => ({
    ...toName(key),
    operator: 'In',
    values: [value],
  }));
  const others = (matchExpressions ?? []).map(({ key, operator, values }): Requirement => ({
    ...toName(key),
    operator,
    values: values ?? [],
  }));
  return [...equal, ...others];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Labels of Kubernetes objects. */
export function ofKubernetes(key: string): LabelName {
  return { source: 'k8s', key };
}

const sources = ['k8s', 'reserved', 'any', 'container', 'cidr', 'unspec'];

/** Cilium's policies may write `k8s:app`; without a source any will do. */
export function sourced(text: string): LabelName {
  const colon = text.indexOf(':');
  const source = text.slice(0, Math.max(0, colon));
  return sources.includes(source) ? { source, key: text.slice(colon + 1) } : { source: 'any', key: text };
}
