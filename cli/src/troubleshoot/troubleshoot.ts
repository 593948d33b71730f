import { heartbeatIntervalMs } from '@clustermesh/kvstore';
import { MeshError } from '@clustermesh/runtime';
import type { MaxConnectedClusters } from '@clustermesh/wire';

import { cacheReport } from './cache-report.ts';
import type { CacheRequest } from './cache-report.ts';
import { judge } from './judge.ts';
import type { ClusterReport } from './judge.ts';
import { observeCluster } from './observe-cluster.ts';
import type { ObserveDeps } from './observe-cluster.ts';
import { ownTarget, remoteTargets } from './targets.ts';

export interface TroubleshootRequest {
  /** Names; none: all. */
  readonly clusters: readonly string[];
  /** A folder, or the file of one cluster. */
  readonly remotePath: string;
  readonly ownPath: string | undefined;
  /** Looked at in turn without `ownPath`. */
  readonly usualOwnPaths: readonly string[];
  readonly ownName: string | undefined;
  /** Where copies of other clusters are, if not in the own etcd. */
  readonly cache?: Pick<CacheRequest, 'url' | 'credentials'> | undefined;
  readonly max: MaxConnectedClusters;
}

/** All clusters are looked at, at once: ids can only be compared so. Those asked for are told. */
export async function troubleshoot(
  request: TroubleshootRequest,
  deps: ObserveDeps,
  signal: AbortSignal,
): Promise<readonly ClusterReport[]> {
  const own = await ownTarget(request.ownPath, request.usualOwnPaths, request.ownName);
  const targets = [...(own === undefined ? [] : [own]), ...(await remoteTargets(request.remotePath))];
  const observations = await Promise.all(targets.map((target) => observeCluster(target, deps, signal)));
  const reports = judge(observations, { nowMs: deps.clock.now(), heartbeatIntervalMs, max: request.max });
  if (request.cache === undefined || request.clusters.length > 0) return select(reports, request);
  return [await cacheReport({ ...request.cache, ownName: request.ownName }, deps, signal), ...reports];
}

function select(
  reports: readonly ClusterReport[],
  { clusters, remotePath }: Pick<TroubleshootRequest, 'clusters' | 'remotePath'>,
): readonly ClusterReport[] {
  if (clusters.length === 0) return reports;
  const known = reports.map(({ cluster }) => cluster);
  const unknown = clusters.filter((cluster) => !known.includes(cluster));
  if (unknown.length === 0) return reports.filter(({ cluster }) => clusters.includes(cluster));
  const shown = known.length === 0 ? 'no cluster' : known.join(', ');
  throw new MeshError('CONFIG_INVALID', `no cluster ${unknown.join(', ')} in ${remotePath}: there is ${shown}`);
}
