import {
  namespaceLabelPrefix,
  podNamespaceLabel,
  policyClusterLabel,
  policyServiceAccountLabel,
} from '@clustermesh/wire';
import type { Label, LabelArray, LabelledPod } from '@clustermesh/wire';

/**
 * Can these be the labels of the pod's identity? Not where they say of it what it does not say of itself: then its address
 * was another pod's before, and our cluster has not published anew whose it is. Which labels make an identity is for who
 * publishes it to decide: none has to be there.
 */
export function mayBeOf(pod: LabelledPod, labels: LabelArray): boolean {
  return labels.every((label) => label.source !== 'k8s' || says(pod, label));
}

function says(pod: LabelledPod, { key, value }: Label): boolean {
  if (key === podNamespaceLabel) return pod.namespace === value;
  if (key === policyServiceAccountLabel) return pod.serviceAccount === value;
  // A namespace's labels change for all its pods, which stay who they are until they are published anew.
  return key === policyClusterLabel || key.startsWith(namespaceLabelPrefix) || pod.labels[key] === value;
}
