import { renderDuration } from '../render/duration.ts';

/** What `GET /v1/cluster` answers of one cluster, as Cilium has it (protocol.md §9.6): what is empty may be missing. */
export interface RemoteClusterModel {
  readonly name?: string;
  readonly ready?: boolean;
  readonly status?: string;
  readonly 'last-failure'?: string;
  readonly 'num-failures'?: number;
  readonly 'num-nodes'?: number;
  readonly 'num-endpoints'?: number;
  readonly 'num-identities'?: number;
  readonly 'num-shared-services'?: number;
  readonly 'num-endpoint-slices'?: number;
  readonly 'num-service-exports'?: number;
  readonly config?: {
    readonly required?: boolean;
    readonly retrieved?: boolean;
    readonly 'cluster-id'?: number;
    readonly kvstoremesh?: boolean;
    readonly 'sync-canaries'?: boolean;
    readonly 'service-exports-enabled'?: boolean;
    readonly 'endpoint-slices-export-mode'?: string;
  };
  readonly synced?: Readonly<Partial<Record<(typeof syncedKinds)[number], boolean>>>;
}

const syncedKinds = ['nodes', 'endpoints', 'identities', 'services', 'endpoint-slices', 'service-exports'] as const;
/** Of older clusters, which do not tell: they are not there, and count as not synchronised. */
const optionalKinds: readonly string[] = ['endpoint-slices', 'service-exports'];

/** Cilium's lines (protocol.md §10.7), of all clusters or of those that are not ready. */
export function renderRemoteClusters(
  clusters: readonly RemoteClusterModel[],
  options: { readonly isVerbose: boolean; readonly nowMs: number },
): string {
  const ready = clusters.filter((cluster) => cluster.ready === true).length;
  const shown = clusters.filter((cluster) => options.isVerbose || cluster.ready !== true);
  const lines = shown.flatMap((cluster) => renderCluster(cluster, options.nowMs));
  return [`KVStoreMesh:  ${ready}/${clusters.length} clusters ready`, ...lines].join('\n');
}

function renderCluster(cluster: RemoteClusterModel, nowMs: number): readonly string[] {
  const count = (field: keyof RemoteClusterModel): number => Number(cluster[field] ?? 0);
  const counts = [
    `${count('num-nodes')} nodes`,
    `${count('num-endpoints')} endpoints`,
    `${count('num-identities')} identities`,
    `${count('num-shared-services')} services`,
    `${count('num-endpoint-slices')} endpoint slices`,
    `${count('num-service-exports')} MCS-API service exports`,
    `${count('num-failures')} reconnections (last: ${lastFailure(cluster, nowMs)})`,
  ];
  const state = cluster.ready === true ? 'ready' : 'not-ready';
  return [
    `   ${cluster.name ?? ''}: ${state}, ${counts.join(', ')}`,
    `   └  ${cluster.status ?? ''}`,
    `   └  remote configuration: ${configText(cluster.config)}`,
    ...(cluster.synced === undefined ? [] : [`   └  synchronization status: ${syncedText(cluster.synced)}`]),
  ];
}

function lastFailure(cluster: RemoteClusterModel, nowMs: number): string {
  const at = Date.parse(cluster['last-failure'] ?? '');
  return Number.isNaN(at) || at <= 0 ? 'never' : `${renderDuration(nowMs - at)} ago`;
}

function configText(config: RemoteClusterModel['config']): string {
  if (config === undefined) return 'expected=unknown, retrieved=unknown';
  const { required = false, retrieved = false } = config;
  const found = `expected=${required}, retrieved=${retrieved}`;
  if (!retrieved) return found;
  const exported = config['service-exports-enabled'];
  const exports = exported === undefined ? 'unsupported' : exported ? 'enabled' : 'disabled';
  const mode = config['endpoint-slices-export-mode'] ?? '';
  return [
    found,
    `cluster-id=${config['cluster-id'] ?? 0}`,
    `kvstoremesh=${config.kvstoremesh ?? false}`,
    `sync-canaries=${config['sync-canaries'] ?? false}`,
    `service-exports=${exports}`,
    `endpoint-slice-export-mode=${mode === '' ? 'services-only' : mode}`,
  ].join(', ');
}

function syncedText(synced: NonNullable<RemoteClusterModel['synced']>): string {
  const told = syncedKinds.filter((kind) => !optionalKinds.includes(kind) || synced[kind] !== undefined);
  return told.map((kind) => `${kind}=${synced[kind] ?? false}`).join(', ');
}
