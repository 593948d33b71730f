import type { ClusterName } from './cluster.ts';

/**
 * Every key of the kvstore protocol (protocol.md §1), except those of resources, which are rows of kinds.ts.
 * A prefix that ends in a cluster's name always has its `/`: c1 must not match c10.
 */
export const statePrefix = 'cilium/state';
export const cachePrefix = 'cilium/cache';

/** Watched as a prefix without a slash, by readers who may see exactly that range. */
export const heartbeatKey = 'cilium/.heartbeat';

export const clusterConfigPrefix = 'cilium/cluster-config/';

/** One key, to be read alone: as a prefix it would also cover the clusters whose names begin like this one's. */
export function clusterConfigKey(cluster: ClusterName): string {
  return clusterConfigPrefix + cluster;
}

export const allSyncedPrefix = 'cilium/synced/';

export function syncedPrefix(cluster: ClusterName): string {
  return `${allSyncedPrefix}${cluster}/`;
}

/** `canary` is a kind's stateCanary or cacheCanary. */
export function canaryKey(cluster: ClusterName, canary: string): string {
  return syncedPrefix(cluster) + canary;
}

/** Ours, outside Cilium's prefixes: how fresh the cache of a source cluster is. */
export const freshnessPrefix = 'clustermesh/freshness/';

/**
 * Ours: the name of the cluster whose cache a store holds. Only where that is not in the cluster's own etcd, so that two
 * clusters might be given one and the same.
 */
export const cacheOwnerKey = 'clustermesh/cache-owner';

export function freshnessKey(cluster: ClusterName): string {
  return freshnessPrefix + cluster;
}

/** Where a direct prefix is in a cache: the first segment pair is exchanged, anything else stays as it is. */
export function stateToCache(prefix: string): string {
  return prefix.startsWith(statePrefix) ? cachePrefix + prefix.slice(statePrefix.length) : prefix;
}

/** Joined by single slashes, none at the end; `..` is a name like any other. */
export function joinKey(...parts: readonly string[]): string {
  return parts.join('/').replaceAll(/\/+/g, '/').replace(/\/$/, '');
}

/** The first key behind all that begin with `prefix`, for etcd ranges. Keys are latin1. */
export function prefixEnd(prefix: string): string {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at);
    if (unit < 0xff) return prefix.slice(0, at) + String.fromCharCode(unit + 1);
  }
  return '\0'; // etcd: from the start to the end of all keys
}

/** Label `scope` of Cilium's kvstore metrics. */
export function metricScope(key: string): string {
  const [, , resource, version] = key.split('/');
  return version === undefined ? key.slice(0, 12) : `${resource ?? ''}/${version}`;
}
