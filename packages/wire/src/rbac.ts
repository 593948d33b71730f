import type { ClusterName } from './cluster.ts';
import {
  allSyncedPrefix,
  cachePrefix,
  clusterConfigKey,
  clusterConfigPrefix,
  freshnessPrefix,
  heartbeatKey,
  prefixEnd,
  statePrefix,
  syncedPrefix,
} from './keys.ts';

/** Roles of readers of one cluster's etcd; writers have etcd's own `root` (protocol.md §6.1). */
export const rbacRoles = ['local', 'remote', 'agent'] as const;

export type RbacRole = (typeof rbacRoles)[number];

/** Half open; without `end` the one key. */
export interface KeyRange {
  readonly start: string;
  readonly end?: string;
}

/**
 * What each role may read, and nothing else.
 * - `local`: Cilium's agents of this cluster, who read the cache.
 * - `remote`: other clusters, who read what this cluster publishes; never the cache, so nothing leaks on.
 * - `agent`: our agents, who read both and how fresh the cache is.
 */
export function rbacRanges(role: RbacRole, cluster: ClusterName): readonly KeyRange[] {
  const heartbeat = under(heartbeatKey);
  const state = under(`${statePrefix}/`);
  const cache = under(`${cachePrefix}/`);
  const everyCluster = [under(clusterConfigPrefix), under(allSyncedPrefix)];
  switch (role) {
    case 'local':
      return [heartbeat, cache, ...everyCluster];
    case 'remote':
      return [heartbeat, state, { start: clusterConfigKey(cluster) }, under(syncedPrefix(cluster))];
    case 'agent':
      return [heartbeat, state, cache, ...everyCluster, under(freshnessPrefix)];
  }
}

/** etcd users, which are the common names of client certificates. */
export const etcdUsers = {
  root: 'root',
  admin: (cluster: ClusterName): string => `admin-${cluster}`,
  local: (cluster: ClusterName): string => `local-${cluster}`,
  agent: (cluster: ClusterName): string => `agent-${cluster}`,
  /** Without a name the user that all other clusters share. */
  remote: (peer?: ClusterName): string => (peer === undefined ? 'remote' : `remote-${peer}`),
};

function under(prefix: string): KeyRange {
  return { start: prefix, end: prefixEnd(prefix) };
}
