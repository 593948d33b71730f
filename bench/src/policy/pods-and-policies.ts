import { namespaces, networkPolicies, pods } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import type { MemoryKvStore } from '@clustermesh/kvstore';

import { appCount, nodeName, publishPod } from './published-identities.ts';

export const subjectCount = 50;
export const policyCount = 1_000;
const namespace = 'demo';

/** As many as the issue says on one pod; every other pod has a share of its own. */
export async function createPodsAndPolicies(kube: KubeClient, store: MemoryKvStore): Promise<void> {
  await kube.create(namespaces, { metadata: { name: namespace } });
  for (let index = 0; index < subjectCount; index++) await createPod(kube, store, index);
  for (let index = 0; index < policyCount; index++) await kube.create(networkPolicies, policy(index));
}

async function createPod(kube: KubeClient, store: MemoryKvStore, index: number): Promise<void> {
  const [app, ip] = [appOf(index), `10.1.1.${index + 1}`];
  const pod = {
    metadata: { namespace, name: app, labels: { app } },
    spec: { nodeName, containers: [{ name: 'main', image: 'app' }] },
  };
  await kube.create(pods, pod);
  await kube.update(pods, { ...pod, status: { phase: 'Running', podIP: ip } }, { subresource: 'status' });
  await publishPod(store, { index, app, ip });
}

const appOf = (index: number): string => `subject-${index}`;
/** Half of the policies select one pod and no other. */
const ofTheFirst = 2;

/** From one application of any namespace and cluster, on a port. */
function policy(index: number) {
  const subject = index % ofTheFirst === 0 ? 0 : index % subjectCount;
  const from = {
    namespaceSelector: {},
    podSelector: {
      matchLabels: { app: `app-${index % appCount}` },
      matchExpressions: [{ key: 'io.cilium.k8s.policy.cluster', operator: 'Exists' }],
    },
  };
  return {
    metadata: { namespace, name: `policy-${index}` },
    spec: {
      podSelector: { matchLabels: { app: appOf(subject) } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [from], ports: [{ protocol: 'TCP', port: 1_000 + index }] }],
    },
  };
}
