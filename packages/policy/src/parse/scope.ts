import { namespaceLabelPrefix, podNamespaceLabel, policyClusterLabel } from '@clustermesh/wire';

import { selectorOf } from '../selector.ts';
import type { Requirement, Selector } from '../selector.ts';

/** What a selector means that does not say it: which namespace and cluster it is about. */
export interface Scope {
  readonly localCluster: string;
  /** Selectors that do not mention a cluster select in the local one (`--policy-default-local-cluster`). */
  readonly defaultLocalCluster: boolean;
}

export const inNamespace = (namespace: string): Requirement => ({
  source: 'k8s',
  key: podNamespaceLabel,
  operator: 'In',
  values: [namespace],
});

export const inAnyNamespace: Requirement = { source: 'k8s', key: podNamespaceLabel, operator: 'Exists', values: [] };

/** Hosts, nodes and the world are in no cluster: their labels are of source `reserved`. */
export function mentionsReserved(requirements: readonly Requirement[]): boolean {
  return requirements.some(({ source }) => source === 'reserved');
}

/**
 * The namespaces of a selector of endpoints in a policy of this namespace ('' = of the whole cluster), which it need not
 * mention: its own; or any, so that nobody is meant who is no workload.
 */
export function withNamespace(requirements: readonly Requirement[], namespace: string): readonly Requirement[] {
  if (mentionsReserved(requirements)) return requirements;
  if (requirements.some(({ key }) => key === podNamespaceLabel)) return requirements;
  if (namespace === '') return [...requirements, inAnyNamespace];
  const speaksOfLabels = requirements.some(({ key }) => key.startsWith(namespaceLabelPrefix));
  return speaksOfLabels ? requirements : [...requirements, inNamespace(namespace)];
}

/** NotIn and DoesNotExist hold for the world and for hosts as well. Who is allowed by labels is a workload all the same. */
export function ofWorkloads(requirements: readonly Requirement[]): readonly Requirement[] {
  const isPlaced = requirements.some(
    ({ key, operator }) => (operator === 'In' || operator === 'Exists') && saysWhere(key),
  );
  return isPlaced || mentionsReserved(requirements) ? requirements : [...requirements, inAnyNamespace];
}

function saysWhere(key: string): boolean {
  return key === podNamespaceLabel || key === policyClusterLabel || key.startsWith(namespaceLabelPrefix);
}

/** In the local cluster, unless they speak of clusters themselves. */
export function withCluster(requirements: readonly Requirement[], scope: Scope): readonly Requirement[] {
  const speaks = requirements.some(({ key }) => key === policyClusterLabel) || mentionsReserved(requirements);
  return scope.defaultLocalCluster && !speaks ? [...requirements, inLocalCluster(scope)] : requirements;
}

export interface SubjectSelector {
  readonly selector: Selector;
  /** Namespaces that the object names and policies of its own namespace cannot be about. */
  readonly otherNamespaces: readonly string[];
}

/** Policies are about workloads of their own namespace ('' = any) and their own cluster. */
export function subjectSelector(
  requirements: readonly Requirement[],
  namespace: string,
  scope: Scope,
): SubjectSelector {
  if (namespace === '') {
    return { selector: selectorOf([...requirements, inAnyNamespace, inLocalCluster(scope)]), otherNamespaces: [] };
  }
  const isOther = ({ key, operator, values }: Requirement): boolean =>
    key === podNamespaceLabel && operator === 'In' && values.length === 1 && values[0] !== namespace;
  const kept = requirements.filter((requirement) => !isOther(requirement));
  return {
    selector: selectorOf([...kept, inNamespace(namespace), inLocalCluster(scope)]),
    otherNamespaces: requirements.filter(isOther).flatMap(({ values }) => values),
  };
}

function inLocalCluster({ localCluster }: Scope): Requirement {
  return { source: 'k8s', key: policyClusterLabel, operator: 'In', values: [localCluster] };
}
