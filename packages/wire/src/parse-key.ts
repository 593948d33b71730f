import { clusterName, type ClusterName } from './cluster.ts';
import { allSyncedPrefix, clusterConfigPrefix, freshnessPrefix, heartbeatKey } from './keys.ts';
import { kinds, type KindName } from './kinds.ts';

export type ParsedKey =
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'cluster-config'; readonly cluster: ClusterName }
  | { readonly kind: 'canary'; readonly cluster: ClusterName; readonly canary: string }
  | { readonly kind: 'freshness'; readonly cluster: ClusterName }
  | EntryKey;

export interface EntryKey {
  readonly kind: 'entry';
  readonly resource: KindName;
  readonly form: 'state' | 'cache';
  /** Absent where the key does not say: identities and IPs in the source's own etcd. */
  readonly cluster?: ClusterName;
  readonly name: string;
}

/** What a key is, for people and tools; undefined for keys that the protocol does not know. */
export function parseKey(key: string): ParsedKey | undefined {
  if (key === heartbeatKey) return { kind: 'heartbeat' };
  return (
    parseClusterKey('cluster-config', clusterConfigPrefix, key) ??
    parseClusterKey('freshness', freshnessPrefix, key) ??
    parseCanary(key) ??
    parseEntry(key)
  );
}

function parseClusterKey<K extends 'cluster-config' | 'freshness'>(
  kind: K,
  prefix: string,
  key: string,
): { readonly kind: K; readonly cluster: ClusterName } | undefined {
  const cluster = clusterBehind(prefix, key);
  return cluster === undefined || prefix + cluster !== key ? undefined : { kind, cluster };
}

function parseCanary(key: string): ParsedKey | undefined {
  const cluster = clusterBehind(allSyncedPrefix, key);
  if (cluster === undefined) return undefined;
  const canary = key.slice(allSyncedPrefix.length + cluster.length + 1);
  return canary === '' ? undefined : { kind: 'canary', cluster, canary };
}

const entryPattern = /^cilium\/(state|cache)\/([a-z]+)\/v1\/([^/]+)/;

function parseEntry(key: string): EntryKey | undefined {
  const [, form, resource, segment = ''] = entryPattern.exec(key) ?? [];
  const row = kinds.find(({ name }) => name === resource);
  if (row === undefined) return undefined;
  const isCached = form === 'cache';
  const prefix = (isCached ? row.cachePrefix : row.statePrefix)(segment as ClusterName);
  if (!key.startsWith(prefix) || key === prefix) return undefined;
  const entry = { kind: 'entry', resource: row.name, name: key.slice(prefix.length) } as const;
  if (!isCached && !row.namesCluster) return { ...entry, form: 'state' };
  const cluster = clusterName(segment);
  return cluster.ok ? { ...entry, form: isCached ? 'cache' : 'state', cluster: cluster.value } : undefined;
}

/** The valid cluster name up to the next slash. */
function clusterBehind(prefix: string, key: string): ClusterName | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const cluster = clusterName(key.slice(prefix.length).split('/', 1)[0] ?? '');
  return cluster.ok ? cluster.value : undefined;
}
