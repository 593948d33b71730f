import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';

import { registerVersion } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { CacheStatus } from './cache/cache.ts';
import type { Kvstoremesh } from './kvstoremesh.ts';
import type { KindStatus, RemoteClusterSnapshot } from './status/status.ts';
import { StoreMetrics } from './store-metrics.ts';

/** Cilium's names where it has one; ours begin with `clustermesh_`. */
const prefix = 'cilium_kvstoremesh_';
const own = 'clustermesh_kvstoremesh_';

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly samples: (cluster: RemoteClusterSnapshot) => readonly (readonly [Labels, number])[];
}

function perCluster(name: string, help: string, value: (cluster: RemoteClusterSnapshot) => number): Metric {
  const samples: Metric['samples'] = (cluster) => [[{ target_cluster: cluster.name }, value(cluster)]];
  return { name, help, labelNames: ['target_cluster'], samples };
}

function perKind(
  metric: Pick<Metric, 'name' | 'help' | 'labelNames'>,
  labels: (cluster: string, kind: string) => Labels,
  value: (kind: KindStatus) => number,
): Metric {
  const samples: Metric['samples'] = ({ name, kinds }) =>
    Object.entries(kinds).map(([kind, status]) => [labels(name, kind), value(status)]);
  return { ...metric, samples };
}

const seconds = (ms = 0): number => ms / 1000;

export const metrics: readonly Metric[] = [
  perCluster(
    `${prefix}remote_cluster_readiness_status`,
    '1 when everything of the cluster is mirrored, else 0',
    ({ state }) => Number(state === 'ready'),
  ),
  perCluster(`${prefix}remote_cluster_failures`, 'Failed connections since the start', ({ failures }) => failures),
  perCluster(
    `${prefix}remote_cluster_last_failure_ts`,
    'When a connection failed last, unix seconds; 0 if never',
    ({ lastFailure }) => seconds(lastFailure?.atMs),
  ),
  perCluster(
    `${prefix}remote_cluster_cache_revocations`,
    'How often the cache TTL ran out',
    ({ revocations }) => revocations,
  ),
  perCluster(
    `${own}remote_cluster_last_contact_ts`,
    'When the cluster answered last, unix seconds; 0 if never',
    ({ lastContactMs }) => seconds(lastContactMs),
  ),
  perCluster(
    `${own}remote_cluster_quota_keys`,
    'Entries that count against the limit of keys',
    ({ quota }) => quota.keys,
  ),
  perCluster(
    `${own}remote_cluster_quota_bytes`,
    'Bytes that count against the limit of bytes',
    ({ quota }) => quota.bytes,
  ),
  perCluster(
    `${own}remote_cluster_over_quota`,
    'Entries that are not mirrored, or not updated, because of a limit',
    ({ quota }) => quota.overQuota,
  ),
  perCluster(
    `${own}remote_cluster_refusals`,
    'Values refused because of a limit, since the start',
    ({ quota }) => quota.refusals,
  ),
  perCluster(
    `${own}remote_cluster_malformed_keys`,
    'Keys passed over because they can be no entry’s, since the start',
    ({ quota }) => quota.malformed.count,
  ),
  perCluster(`${own}remote_cluster_throttled_seconds`, 'How long writing has waited for the rate limit', ({ quota }) =>
    seconds(quota.throttledMs),
  ),
  perCluster(
    `${own}remote_cluster_cache_writable`,
    '1 while the local store takes what the cluster publishes, 0 after a failed write',
    ({ writeProblem }) => Number(writeProblem === undefined),
  ),
  perKind(
    { name: `${own}entries`, help: 'Keys that are mirrored', labelNames: ['target_cluster', 'resource'] },
    (target_cluster, resource) => ({ target_cluster, resource }),
    ({ count }) => count,
  ),
  perKind(
    {
      name: `${prefix}kvstore_sync_queue_size`,
      help: 'Keys that wait to be written to the cache',
      labelNames: ['scope', 'source_cluster'],
    },
    (source_cluster, kind) => ({ scope: `${kind}/v1`, source_cluster }),
    ({ pending }) => pending,
  ),
  {
    name: `${prefix}kvstore_initial_sync_completed`,
    help: 'read: 1 while the source’s list is known; write: 1 once it was written too, and the canary put; else 0',
    labelNames: ['scope', 'source_cluster', 'action'],
    samples: ({ name, kinds }) =>
      Object.entries(kinds).flatMap(([kind, { listed, synced }]) => {
        const labels = { scope: `${kind}/v1`, source_cluster: name };
        return [
          [{ ...labels, action: 'read' }, Number(listed)],
          [{ ...labels, action: 'write' }, Number(synced)],
        ];
      }),
  },
];

export interface MetricsDeps {
  readonly mesh: () => Kvstoremesh | undefined;
  /** Where what is mirrored goes. */
  readonly cache?: () => CacheStatus;
  readonly isLeader: () => boolean;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export interface Metrics {
  readonly registry: Registry;
  readonly stores: StoreMetrics;
}

/** Clusters are read when Prometheus asks, so that a removed one leaves no series behind. */
export function createMetrics({ mesh, cache, isLeader, clock }: MetricsDeps): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const snapshots = (): readonly RemoteClusterSnapshot[] => mesh()?.snapshots() ?? [];
  for (const { name, help, labelNames, samples } of metrics) {
    const gauge: Gauge = new Gauge({
      ...{ name, help, labelNames, registers },
      collect: () => {
        gauge.reset();
        for (const [labels, value] of snapshots().flatMap(samples)) gauge.set(labels, value);
      },
    });
  }
  const total: Gauge = new Gauge({
    ...{ name: `${prefix}remote_clusters`, help: 'Remote clusters that are configured', registers },
    collect: () => total.set(snapshots().length),
  });
  const bootstrap: Gauge = new Gauge({
    ...{ name: `${prefix}bootstrap_seconds`, help: 'From the start to readiness; 0 before', registers },
    collect: () => bootstrap.set(seconds(mesh()?.readyAfterMs())),
  });
  const up: Gauge<'store'> = new Gauge({
    name: `${own}cache_up`,
    help: '1 while the store of the cache can be used, else 0; of an etcd only whether it was reached at all',
    labelNames: ['store'],
    registers,
    collect: () => {
      const found = cache?.();
      if (found !== undefined) up.set({ store: found.store }, Number(found.problem === ''));
    },
  });
  const full: Gauge = new Gauge({
    ...{ name: `${own}cache_full`, help: '1 while the local store takes deletions only, else 0', registers },
    collect: () => full.set(Number(mesh()?.isCacheFull() ?? false)),
  });
  const leader: Gauge<'name'> = new Gauge({
    name: `${prefix}leader_election_master_status`,
    help: '1 if this replica mirrors, 0 if another one does',
    labelNames: ['name'],
    registers,
    collect: () => leader.set({ name: 'kvstoremesh' }, Number(isLeader())),
  });
  collectDefaultMetrics({ register: registry });
  registerVersion(registry, `${prefix}version`, new URL('../package.json', import.meta.url));
  return { registry, stores: new StoreMetrics(registry, clock) };
}
