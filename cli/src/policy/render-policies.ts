import type { DirectionDescription, PolicyDescription } from '@clustermesh/policy';

import { plainText } from '../render/plain-text.ts';
import type { AdvisedProblem, ValidatedObject } from './validate-policies.ts';

/** Objects as people read them, and how many were fine. */
export function renderPolicies(objects: readonly ValidatedObject[]): string {
  return [...objects.map(renderObject), renderSum(objects)].join('\n\n');
}

function renderObject(object: ValidatedObject): string {
  const name = [object.namespace, object.name].filter((part) => part !== '').join('/');
  const kind = object.kind === '' ? 'no Kubernetes object' : object.kind;
  const head = plainText(`${[kind, name].filter((part) => part !== '').join(' ')} (${object.place})`);
  if (!object.isPolicy) return `${head}: not a policy, skipped`;
  const lines = [...object.policies.flatMap(policyLines), ...problemLines(object.problems)];
  return [head, ...lines].join('\n');
}

function policyLines({ selects, directions }: PolicyDescription): readonly string[] {
  return [`  selects ${plainText(selects)}`, ...directions.flatMap(directionLines)];
}

function directionLines({ direction, isRestricted, isDefaultDeny, rules }: DirectionDescription): readonly string[] {
  if (!isRestricted) return [`  ${direction}: not restricted by this policy`];
  const rest = isDefaultDeny ? 'denied unless a rule allows it' : 'allowed unless a rule denies it';
  return [`  ${direction}: ${rest}`, ...rules.map(({ at, action, text }) => `    ${at}  ${action} ${plainText(text)}`)];
}

function problemLines(problems: readonly AdvisedProblem[]): readonly string[] {
  return problems.flatMap(({ at, message, advice }) => [
    `  ! ${plainText(`${at}: ${message}`)}`,
    `    ${plainText(advice)}`,
  ]);
}

function renderSum(objects: readonly ValidatedObject[]): string {
  const policies = objects.filter(({ isPolicy }) => isPolicy);
  const refused = policies.filter(({ problems }) => problems.some(({ kind }) => kind !== 'ignored')).length;
  if (policies.length === 0) return 'no policies';
  const all = policies.length === 1 ? '1 policy' : `${policies.length} policies`;
  return refused === 0 ? `${all}, enforced as written` : `${all}, ${refused} not enforced as written`;
}
