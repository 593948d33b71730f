import type { ClusterId, ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

/** Who we are in the mesh. */
export interface LocalCluster {
  readonly name: ClusterName;
  readonly id: ClusterId;
  readonly maxConnectedClusters: MaxConnectedClusters;
}
