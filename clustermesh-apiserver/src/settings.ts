import type { WriteRate } from '@clustermesh/kvstore';

import type { ExportedKinds } from './cluster-config.ts';
import type { LocalCluster } from './map/local-cluster.ts';

/** What a cluster's apiserver is told to do. */
export interface ApiserverSettings {
  readonly cluster: LocalCluster;
  /** Where nodes, identities and IPs are learnt from; CiliumEndpointSlices instead of CiliumEndpoints is the last. */
  readonly source: 'kubernetes' | 'cilium' | 'cilium-endpoint-slices';
  readonly exported: ExportedKinds;
  /** Several replicas share the etcd: one publishes, the others wait. By default each has an etcd of its own. */
  readonly leaderElection?: boolean;
  /** By default as fast as etcd takes them. */
  readonly writeRate?: WriteRate | undefined;
  /** A watch of Kubernetes that says nothing for so long, not even a bookmark, is dead. Milliseconds. */
  readonly kubeWatchIdleMs?: number;
  /** Are namespaces global that do not say? */
  readonly globalNamespaces: boolean;
  /** How often the heartbeat is written; a minute if it is not said. */
  readonly heartbeatMs?: number;
  /** Whose services are published: those labelled with the name of that proxy, by default those without. */
  readonly serviceProxyName?: string;
  /** An identity stays that long after its last user went, milliseconds. */
  readonly identityGraceMs: number;
}
