import type { ClusterName } from './cluster.ts';
import { namespaceLabelPrefix, podNamespaceLabel, policyClusterLabel, policyServiceAccountLabel } from './identity.ts';
import type { LabelArray } from './identity.ts';
import { isIdentityRelevant } from './label-filter.ts';

/** What of a pod makes its identity. */
export interface LabelledPod {
  readonly namespace: string;
  /** '' = none. */
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
}

const source = 'k8s';
/** Keys that say who a pod is to policy: never taken from the pod's own labels. */
const ownedPrefix = 'io.cilium.k8s';

/** The labels of a pod's identity, as Cilium gives them: those of the pod and its namespace, and where it runs. */
export function identityLabels(
  pod: LabelledPod,
  namespaceLabels: Readonly<Record<string, string>>,
  cluster: ClusterName,
): LabelArray {
  const values = new Map(Object.entries(pod.labels).filter(([key]) => !key.startsWith(ownedPrefix)));
  for (const [key, value] of Object.entries(namespaceLabels)) values.set(namespaceLabelPrefix + key, value);
  values.set(podNamespaceLabel, pod.namespace);
  values.set(policyClusterLabel, cluster);
  if (pod.serviceAccount !== '') values.set(policyServiceAccountLabel, pod.serviceAccount);
  return [...values].filter(([key]) => isIdentityRelevant(key)).map(([key, value]) => ({ source, key, value }));
}
