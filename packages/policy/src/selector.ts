import type { LabelArray } from '@clustermesh/wire';

export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';

/** One condition on the labels of an identity; all of a selector's must hold. */
export interface Requirement {
  /** `k8s`, `reserved`, …; `any`: of whatever source. */
  readonly source: string;
  readonly key: string;
  readonly operator: Operator;
  /** For In and NotIn, sorted. */
  readonly values: readonly string[];
}

/** Equal selectors have equal keys, however they were written. */
export interface Selector {
  readonly key: string;
  readonly requirements: readonly Requirement[];
}

export function selectorOf(requirements: readonly Requirement[]): Selector {
  const texts = new Map(
    requirements.map(({ source, key, operator, values }) => {
      const requirement = { source, key, operator, values: [...new Set(values)].sort() };
      return [JSON.stringify([source, key, operator, requirement.values]), requirement];
    }),
  );
  const sorted = [...texts].sort(([left], [right]) => (left < right ? -1 : 1));
  return { key: sorted.map(([text]) => text).join(), requirements: sorted.map(([, requirement]) => requirement) };
}

/** `source:key` → value; where a key occurs twice, the last one counts. */
export class LabelSet {
  /** By key: sources with their values. */
  readonly #byKey = new Map<string, Map<string, string>>();

  constructor(labels: LabelArray) {
    for (const { source, key, value } of labels) {
      const bySource = this.#byKey.get(key);
      if (bySource === undefined) this.#byKey.set(key, new Map([[source, value]]));
      else bySource.set(source, value);
    }
  }

  /** Every key with every value that it has in some source. */
  *pairs(): Generator<readonly [key: string, value: string]> {
    for (const [key, bySource] of this.#byKey) for (const value of bySource.values()) yield [key, value];
  }

  valuesOf(source: string, key: string): readonly string[] {
    const bySource = this.#byKey.get(key);
    if (bySource === undefined) return [];
    if (source === 'any') return [...bySource.values()];
    const value = bySource.get(source);
    return value === undefined ? [] : [value];
  }
}

/** As Kubernetes: NotIn and DoesNotExist hold where the key is absent. A selector without requirements selects all. */
export function selects({ requirements }: Selector, labels: LabelSet): boolean {
  return requirements.every(({ source, key, operator, values }) => {
    const found = labels.valuesOf(source, key);
    switch (operator) {
      case 'In':
        return found.some((value) => values.includes(value));
      case 'NotIn':
        return !found.some((value) => values.includes(value));
      case 'Exists':
        return found.length > 0;
      case 'DoesNotExist':
        return found.length === 0;
    }
  });
}
