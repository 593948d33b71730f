import type { Clock } from '@clustermesh/runtime';

import type { Installation } from '../install/install.ts';
import type { ClusterPlan } from '../mesh-plan.ts';

/** How the mesh is installed in a lab cluster: the manifests of real clusters, with these values. */
export function labInstallation(cluster: ClusterPlan, clock: Clock): Installation {
  const namespace = 'kube-system';
  return {
    secrets: {
      clusterName: cluster.name,
      namespace,
      serverIps: cluster.nodes.map(({ address }) => address),
      clock,
    },
    variables: {
      NAMESPACE: namespace,
      CLUSTER_NAME: cluster.name,
      CLUSTER_ID: String(cluster.id),
      IMAGE_REGISTRY: 'clustermesh',
      IMAGE_TAG: 'lab',
    },
  };
}
