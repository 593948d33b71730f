import { namespaces } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';

/** What tells one Kubernetes cluster from another, whatever they are named: the uid of kube-system; '' without one. */
export async function clusterUid(kube: Pick<KubeClient, 'get'>, signal: AbortSignal): Promise<string> {
  try {
    const { metadata } = await kube.get(namespaces, { name: 'kube-system' }, signal);
    return metadata.uid ?? '';
  } catch (error) {
    if (hasCode(error, 'KUBE_NOT_FOUND', 'KUBE_FORBIDDEN')) return '';
    throw error;
  }
}
