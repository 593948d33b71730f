import type { Label, LabelArray } from '@clustermesh/wire';

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

/** Labels of an identity. A few only, and identities are many: they are scanned, not indexed. */
export class LabelSet {
  readonly #labels: LabelArray;

  /** Where a source has a key twice, the last one counts. */
  constructor(labels: LabelArray) {
    const isLast = ({ source, key }: Label, at: number): boolean =>
      !labels.some((other, later) => later > at && other.key === key && other.source === source);
    this.#labels = labels.every(isLast) ? labels : labels.filter(isLast);
  }

  [Symbol.iterator](): Iterator<Label> {
    return this.#labels[Symbol.iterator]();
  }

  has(source: string, key: string): boolean {
    return this.#labels.some((label) => isOf(label, source, key));
  }

  hasOneOf(source: string, key: string, values: readonly string[]): boolean {
    return this.#labels.some((label) => isOf(label, source, key) && values.includes(label.value));
  }

  /** Its first value, in any source that the question allows. */
  valueOf(source: string, key: string): string | undefined {
    return this.#labels.find((label) => isOf(label, source, key))?.value;
  }
}

function isOf(label: Label, source: string, key: string): boolean {
  return label.key === key && (source === 'any' || label.source === source);
}

/** As Kubernetes: NotIn and DoesNotExist hold where the key is absent. A selector without requirements selects all. */
export function selects({ requirements }: Selector, labels: LabelSet): boolean {
  return requirements.every(({ source, key, operator, values }) => {
    switch (operator) {
      case 'In':
        return labels.hasOneOf(source, key, values);
      case 'NotIn':
        return !labels.hasOneOf(source, key, values);
      case 'Exists':
        return labels.has(source, key);
      case 'DoesNotExist':
        return !labels.has(source, key);
    }
  });
}

const opposites: Readonly<Record<Operator, Operator>> = {
  In: 'NotIn',
  NotIn: 'In',
  Exists: 'DoesNotExist',
  DoesNotExist: 'Exists',
};

/** Holds exactly where the requirement does not. */
export function opposite(requirement: Requirement): Requirement {
  return { ...requirement, operator: opposites[requirement.operator] };
}
