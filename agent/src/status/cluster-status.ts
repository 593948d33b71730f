import type { Health } from '@clustermesh/runtime';
import { rfc3339 } from '@clustermesh/wire';

import type { IngestedKind } from '../ingest/kind-ingest.ts';
import type { RemoteCluster } from '../ingest/remote-cluster.ts';
import type { NodeReport } from '../probe/ways.ts';
import type { Verdict } from '../maps/probe.ts';
import type { ClusterStatus, FreshnessStatus, KindStatus, NodeProbesStatus } from './agent-status.ts';

export interface ClusterStatusSources {
  /** Addresses that it claims and another cluster holds. */
  readonly conflicts: number;
  /** Of its nodes. */
  readonly reports: readonly NodeReport[];
  /** The newest trouble of any of its jobs. */
  readonly failure: Failure | undefined;
}

export type Failure = Pick<ReturnType<Health['report']>[number], 'reason' | 'since'>;

/** More are counted, not told. */
const shownNodes = 10;

/** How one remote cluster stands. */
export function clusterStatus(
  cluster: RemoteCluster,
  { conflicts, reports, failure }: ClusterStatusSources,
): ClusterStatus {
  const freshness = freshnessStatus(cluster);
  return {
    name: cluster.name,
    clusterId: cluster.feed?.context.clusterId ?? 0,
    ...cluster.state,
    datapath: cluster.standing,
    ...(freshness === undefined ? {} : { freshness }),
    kinds: (cluster.feed?.kinds ?? []).map(kindStatus),
    rejected: cluster.rejections.count,
    rejections: cluster.rejections.latest,
    rejectedNow: cluster.feed?.rejected ?? 0,
    rejectionReasons: cluster.rejections.reasons,
    noRoom: cluster.feed?.noRoom ?? 0,
    conflicts,
    lastError: failure?.reason ?? '',
    lastErrorAt: failure === undefined ? '' : rfc3339(failure.since),
    withheld: cluster.feed?.withheld ?? 0,
    probes: nodeProbesStatus(reports),
  };
}

export function kindStatus(kind: IngestedKind): KindStatus {
  return { name: kind.name, synced: kind.hasSynced, entries: kind.entries };
}

function nodeProbesStatus(reports: readonly NodeReport[]): NodeProbesStatus {
  const nodes = (wanted: Verdict): readonly string[] =>
    reports.filter(({ verdict }) => verdict === wanted).map(({ node }) => node);
  const unreachable = nodes('unreachable');
  return {
    reachable: nodes('reachable').length,
    unreachable: unreachable.length,
    unanswered: nodes('unknown').length,
    unreachableNodes: unreachable.slice(0, shownNodes),
  };
}

function freshnessStatus({ way }: RemoteCluster): FreshnessStatus | undefined {
  return way.freshness && { ...way.freshness, ageMs: way.freshness.ageMs ?? 0 };
}

/** The newest trouble of any job of a cluster (`cluster/NAME`, `cluster/NAME/…`, `remote/NAME/…`), by cluster. */
export function lastFailures(health: Health): ReadonlyMap<string, Failure> {
  const failures = new Map<string, Failure>();
  for (const { name: job, state, reason, since } of health.report()) {
    const [area, cluster = ''] = job.split('/');
    if ((area !== 'cluster' && area !== 'remote') || state === 'ok') continue;
    if (since > (failures.get(cluster)?.since ?? -Infinity)) failures.set(cluster, { reason, since });
  }
  return failures;
}
