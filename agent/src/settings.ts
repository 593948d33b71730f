import type { ClusterId, ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

import type { PolicyScope } from './policy/policy-state.ts';
import type { DatapathMode } from './status/agent-status.ts';

export interface CacheAt {
  readonly store: 'etcd' | 'redis';
  /** For people, without credentials. */
  readonly address: string;
}

/** What an agent is told of itself. Durations in milliseconds. */
export interface AgentSettings {
  readonly clusterName: ClusterName;
  readonly clusterId: ClusterId;
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly nodeName: string;
  readonly version: string;
  /** Where the cache is; absent: in our own cluster's etcd. */
  readonly cacheAt?: CacheAt | undefined;
  /** Where the maps are and, if not in the kernel, why. */
  readonly mode: DatapathMode;
  /** A removed backend's connections go on for so long before its record is used again. */
  readonly backendDrainMs: number;
  /** Key of the taint that pods wait for; '' = none. */
  readonly startupTaint: string;
  /** From when on clusters that nobody mentions count as removed, and readiness waits for no cluster. */
  readonly syncTimeoutMs: number;
  /** Longer than the mirror's writing period, shorter than its leases. */
  readonly mirrorSilenceMs: number;
  /** Older than this, a cluster's backends are chosen only where there are no others; 0 = never. */
  readonly staleTtlMs: number;
  /** Do namespaces that do not say take part in the mesh? As clustermesh-apiserver has it. */
  readonly defaultGlobalNamespace: boolean;
  /** Whose traffic is judged. */
  readonly policyScope: PolicyScope;
  /** Do selectors of policies that name no cluster select in this one alone? */
  readonly policyDefaultLocalCluster: boolean;
}
