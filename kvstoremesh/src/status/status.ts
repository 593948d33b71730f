import { isConnected } from '@clustermesh/remote';
import type { LastFailure, RemoteClusterState, RemoteFile } from '@clustermesh/remote';
import type { ClusterConfig, KindName } from '@clustermesh/wire';

import type { WriteProblem } from '../limits/local-writes.ts';
import { quotaJson } from './quota-status.ts';
import type { QuotaJson, QuotaStatus } from './quota-status.ts';

export interface KindStatus {
  /** Keys in the cache. */
  readonly count: number;
  /** Keys not written yet. */
  readonly pending: number;
  /** All that the source has is known, written or not. */
  readonly listed: boolean;
  readonly synced: boolean;
  /** Does the source have this kind? If not it counts as synced and is not shown (protocol.md §9.6). */
  readonly enabled: boolean;
}

/** What is known of one remote cluster at one moment. */
export interface RemoteClusterSnapshot {
  readonly name: string;
  readonly state: RemoteClusterState;
  readonly endpoints: readonly string[];
  readonly config: ClusterConfig | undefined;
  readonly kinds: Readonly<Record<KindName, KindStatus>>;
  /** Has it been ready since its file appeared? */
  readonly wasReady: boolean;
  readonly failures: number;
  /** How often the cache TTL has deleted entries. */
  readonly revocations: number;
  readonly lastFailure: LastFailure | undefined;
  readonly lastContactMs: number | undefined;
  readonly storeId: bigint;
  /** Its store answers, and its heart has not beaten since contact was lost for that. */
  readonly isSilent?: boolean;
  /** Why its entries are not written to the cache at the moment. */
  readonly writeProblem?: WriteProblem | undefined;
  readonly quota: QuotaStatus;
}

/** JSON of `GET /v1/cluster`: RemoteCluster of Cilium's API, then what only we have. */
export interface RemoteClusterStatus extends Partial<QuotaJson> {
  readonly name: string;
  readonly ready: boolean;
  readonly connected: boolean;
  readonly status: string;
  readonly 'last-failure'?: string;
  readonly 'num-failures': number;
  readonly 'num-nodes': number;
  readonly 'num-endpoints': number;
  readonly 'num-identities': number;
  readonly 'num-shared-services': number;
  readonly 'num-endpoint-slices': number;
  readonly 'num-service-exports': number;
  readonly config?: RemoteConfigStatus;
  readonly synced?: RemoteSyncedStatus;
  readonly state: RemoteClusterState;
  readonly 'last-error'?: string;
  readonly 'last-error-code'?: string;
  readonly 'last-contact'?: string;
  /** While the local store takes nothing, or no additions. */
  readonly 'not-written'?: NotWrittenStatus;
}

interface NotWrittenStatus {
  readonly reason: string;
  readonly code: string;
  /** Entries that wait to be written. */
  readonly pending: number;
}

interface RemoteConfigStatus {
  readonly required: boolean;
  readonly retrieved: boolean;
  readonly 'cluster-id'?: number;
  readonly kvstoremesh?: boolean;
  readonly 'sync-canaries'?: boolean;
  readonly 'service-exports-enabled'?: boolean;
  readonly 'endpoint-slices-export-mode'?: string;
}

interface RemoteSyncedStatus {
  readonly nodes: boolean;
  readonly endpoints: boolean;
  readonly identities: boolean;
  readonly services: boolean;
  readonly 'endpoint-slices'?: boolean;
  readonly 'service-exports'?: boolean;
}

export function remoteClusterStatus(snapshot: RemoteClusterSnapshot): RemoteClusterStatus {
  return { ...withoutQuota(snapshot), ...quotaJson(snapshot.quota, pendingOf(snapshot.kinds)) };
}

function withoutQuota(snapshot: Omit<RemoteClusterSnapshot, 'quota'>): RemoteClusterStatus {
  const { name, state, kinds, failures, lastFailure, lastContactMs, isSilent = false, writeProblem } = snapshot;
  return {
    name,
    ready: state === 'ready',
    connected: isConnected(state) && !isSilent,
    status: statusLine(snapshot),
    ...(lastFailure && { 'last-failure': instant(lastFailure.atMs) }),
    'num-failures': failures,
    'num-nodes': kinds.nodes.count,
    'num-endpoints': kinds.ip.count,
    'num-identities': kinds.identities.count,
    'num-shared-services': kinds.services.count,
    'num-endpoint-slices': kinds.endpointslices.count,
    'num-service-exports': kinds.serviceexports.count,
    config: configStatus(snapshot),
    synced: syncedStatus(snapshot),
    state,
    ...(lastFailure && { 'last-error': lastFailure.reason, 'last-error-code': lastFailure.code }),
    ...(lastContactMs !== undefined && { 'last-contact': instant(lastContactMs) }),
    ...(writeProblem && { 'not-written': { ...writeProblem, pending: pendingOf(kinds) } }),
  };
}

/** A file whose name can be no cluster's: there is nothing to say but why. */
export function refusedFileStatus({ name, config }: RemoteFile): RemoteClusterStatus {
  const none = { count: 0, pending: 0, listed: false, synced: false, enabled: false };
  const kinds = { nodes: none, identities: none, ip: none, services: none, serviceexports: none, endpointslices: none };
  const reason = config.ok ? '' : config.reason;
  const status = withoutQuota({
    ...{ name, state: 'unusable', endpoints: [], config: undefined, kinds, wasReady: false, failures: 0 },
    ...{ revocations: 0, lastFailure: undefined, lastContactMs: undefined, storeId: 0n },
  });
  return { ...status, status: `Err: ${reason}`, 'last-error': reason, 'last-error-code': 'CONFIG_INVALID' };
}

function statusLine(snapshot: Omit<RemoteClusterSnapshot, 'quota'>): string {
  const { name, state, endpoints, kinds, lastFailure, storeId, isSilent = false } = snapshot;
  const where = endpoints.join(', ');
  const error = lastFailure?.reason ?? 'unknown error';
  if (isSilent && isConnected(state)) return `connected to ${where}, waiting for a heartbeat`;
  switch (state) {
    case 'connecting':
      return lastFailure === undefined ? `connecting to ${where}` : `connecting to ${where} again after: ${error}`;
    case 'configuring':
      return `connected to ${where}, waiting for cilium/cluster-config/${name}`;
    case 'syncing':
      return `connected to ${where}, waiting for ${missing(kinds).join(', ')}`;
    case 'ready':
      return `connected to ${where}, ID: ${storeId.toString(16)}`;
    case 'waiting':
    case 'unusable':
      return `Err: ${error}`;
    case 'leaving':
      return 'removed, its data is kept for a while';
    case 'draining':
      return 'removed, its data is being deleted';
    case 'removed':
      return 'removed';
  }
}

function pendingOf(kinds: RemoteClusterSnapshot['kinds']): number {
  return Object.values(kinds).reduce((sum, { pending }) => sum + pending, 0);
}

function missing(kinds: RemoteClusterSnapshot['kinds']): string[] {
  return Object.entries(kinds).flatMap(([name, { synced }]) => (synced ? [] : [name]));
}

function configStatus({ config }: Pick<RemoteClusterSnapshot, 'config'>): RemoteConfigStatus {
  if (config === undefined) return { required: true, retrieved: false };
  const { cached, syncedCanaries, serviceExportsEnabled, endpointSlicesExportMode } = config.capabilities;
  return {
    required: true,
    retrieved: true,
    'cluster-id': config.id,
    kvstoremesh: cached,
    'sync-canaries': syncedCanaries,
    ...(serviceExportsEnabled !== undefined && { 'service-exports-enabled': serviceExportsEnabled }),
    ...(endpointSlicesExportMode !== '' && { 'endpoint-slices-export-mode': endpointSlicesExportMode }),
  };
}

function syncedStatus({ kinds }: Pick<RemoteClusterSnapshot, 'kinds'>): RemoteSyncedStatus {
  const { nodes, ip, identities, services, endpointslices, serviceexports } = kinds;
  return {
    nodes: nodes.synced,
    endpoints: ip.synced,
    identities: identities.synced,
    services: services.synced,
    ...(endpointslices.enabled && { 'endpoint-slices': endpointslices.synced }),
    ...(serviceexports.enabled && { 'service-exports': serviceexports.synced }),
  };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
