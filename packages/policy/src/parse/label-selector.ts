import { z } from 'zod';

import type { Requirement } from '../selector.ts';

/** Kubernetes' LabelSelector. */
export const labelSelectorSchema = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).nullish(),
      }),
    )
    .nullish(),
});
export type LabelSelector = z.output<typeof labelSelectorSchema>;

/** @param toKey how a key of the object is one of an identity's labels */
export function requirementsOf(
  { matchLabels, matchExpressions }: LabelSelector,
  toKey: (key: string) => { readonly source: string; readonly key: string },
): readonly Requirement[] {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]): Requirement => ({
    ...toKey(key),
    operator: 'In',
    values: [value],
  }));
  const others = (matchExpressions ?? []).map(({ key, operator, values }): Requirement => ({
    ...toKey(key),
    operator,
    values: values ?? [],
  }));
  return [...equal, ...others];
}
