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

export function mentionsNamespace(requirements: readonly Requirement[]): boolean {
  return requirements.some(({ key }) => key === podNamespaceLabel || key.startsWith(namespaceLabelPrefix));
}

/** Hosts, nodes and the world are in no cluster: their labels are of source `reserved`. */
export function mentionsReserved(requirements: readonly Requirement[]): boolean {
  return requirements.some(({ source }) => source === 'reserved');
}

/** A selector of workloads, in the local cluster unless it speaks of clusters itself. */
export function scopedSelector(requirements: readonly Requirement[], scope: Scope): Selector {
  const speaks = requirements.some(({ key }) => key === policyClusterLabel) || mentionsReserved(requirements);
  if (!scope.defaultLocalCluster || speaks) return selectorOf(requirements);
  return selectorOf([...requirements, inLocalCluster(scope)]);
}

/** Policies are about workloads of their own cluster. */
export function subjectSelector(requirements: readonly Requirement[], scope: Scope): Selector {
  return selectorOf([...requirements, inLocalCluster(scope)]);
}

function inLocalCluster({ localCluster }: Scope): Requirement {
  return { source: 'k8s', key: policyClusterLabel, operator: 'In', values: [localCluster] };
}
