import { describePolicy, parsePolicy } from '@clustermesh/policy';
import type { PolicyDescription, Problem, Scope } from '@clustermesh/policy';

import { adviceOn } from './advice.ts';
import { policyDocuments } from './policy-documents.ts';

/** What an object of a file comes to. */
export interface ValidatedObject {
  readonly place: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly isPolicy: boolean;
  /** One for each specification in it. */
  readonly policies: readonly PolicyDescription[];
  readonly problems: readonly AdvisedProblem[];
}

export interface AdvisedProblem extends Problem {
  /** What to do. */
  readonly advice: string;
}

export function validatePolicies(text: string, file: string, scope: Scope): readonly ValidatedObject[] {
  return policyDocuments(text, file).map(({ policy, ...about }) => {
    if (policy === undefined) return { ...about, isPolicy: false, policies: [], problems: [] };
    const { policies, problems } = parsePolicy(policy, scope);
    return {
      ...about,
      isPolicy: true,
      policies: policies.map((each) => describePolicy(each, scope.localCluster)),
      problems: problems.map((problem) => ({ ...problem, advice: adviceOn(problem) })),
    };
  });
}

/** Something of it would not be enforced as it is written. */
export function hasRefusals(objects: readonly ValidatedObject[]): boolean {
  return objects.some(({ problems }) => problems.some(({ kind }) => kind !== 'ignored'));
}
