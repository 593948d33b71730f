import { FairShare, WritePace } from '@clustermesh/kvstore';
import type { KvStore, PendingLimits, WriteRate } from '@clustermesh/kvstore';
import { Backoff, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { RemoteClusters } from '@clustermesh/remote';
import type { ClustersSource, RemoteFile } from '@clustermesh/remote';
import type { ClusterName } from '@clustermesh/wire';

import { ClusterIds } from './remote/cluster-ids.ts';
import { LocalWrites } from './limits/local-writes.ts';
import { pendingShare } from './limits/pending-share.ts';
import { limitsOf } from './limits/remote-limits.ts';
import type { LimitSettings } from './limits/remote-limits.ts';
import { RemoteQuota } from './limits/remote-quota.ts';
import { SharedBytes } from './limits/shared-bytes.ts';
import { tenantStore } from './limits/tenant-store.ts';
import { unfinishedRemovals } from './mirror/unfinished-removals.ts';
import { awaitedClusters } from './status/readiness.ts';
import type { ReadinessTimeouts } from './status/readiness.ts';
import { RemoteCluster } from './remote/remote-cluster.ts';
import type { RemoteClusterDeps, RemoteClusterSettings } from './remote/remote-cluster.ts';
import { StartTurns } from './remote/start-turns.ts';
import { refusedFileStatus, remoteClusterStatus } from './status/status.ts';
import type { RemoteClusterSnapshot, RemoteClusterStatus } from './status/status.ts';

export interface KvstoremeshSettings extends RemoteClusterSettings, ReadinessTimeouts {
  /** Of the local cluster. */
  readonly clusterName: string;
  readonly clusterId: number;
  readonly limits: LimitSettings;
  /** Of entries, all remote clusters together; by default as fast as the store takes them. */
  readonly writeRate?: WriteRate | undefined;
}

export interface KvstoremeshDeps {
  /** Where the cache is written. */
  readonly local: KvStore;
  readonly connect: RemoteClusterDeps['connect'];
  readonly explain?: RemoteClusterDeps['explain'];
  readonly onHeartbeatMissed?: RemoteClusterDeps['onHeartbeatMissed'];
  readonly clusters: ClustersSource;
  readonly config: KvstoremeshSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

export interface Kvstoremesh {
  /** Until abort, which keeps everything that was mirrored (I7). */
  run(signal: AbortSignal): Promise<void>;
  /** Why it is not ready yet, or undefined when it is; once ready it stays ready (protocol.md §9.3). */
  notReady(): string | undefined;
  /** How long that took; undefined before. */
  readyAfterMs(): number | undefined;
  /** Sorted by name. */
  status(): readonly RemoteClusterStatus[];
  snapshots(): readonly RemoteClusterSnapshot[];
  /** Does the local store refuse additions for want of space? */
  isCacheFull(): boolean;
  /** Takes effect at once: what was refused and now fits is mirrored. */
  setLimits(limits: LimitSettings): void;
}

/** Mirrors every cluster that `clusters` names into `local`, each on its own. */
export function createKvstoremesh(deps: KvstoremeshDeps): Kvstoremesh {
  const { clock, clusters, config, explain = keepError, log } = deps;
  const ids = new ClusterIds(config.clusterId);
  const starts = new StartTurns(clock);
  const space = new LocalWrites();
  const { transactionLimits } = deps.local;
  const writing = new FairShare({
    transactionLimits,
    commit: space.noting((ops, signal) => deps.local.commit(ops, signal)),
  });
  const pace = config.writeRate && new WritePace(config.writeRate, clock);
  const shared = new SharedBytes(config.limits.totalBytes);
  let { limits } = config;
  const create = (name: ClusterName, file?: RemoteFile): RemoteCluster => {
    const budgets = { shared, space, clock, log: log.child({ cluster: name }) };
    const quota = new RemoteQuota(limitsOf(limits, name), budgets);
    const writes = new LocalWrites();
    const local = tenantStore(deps.local, writing, writes);
    const pendingLimits = (): PendingLimits => pendingShare(remotes.size);
    const own = { local, pace, explain, ids, starts, quota, writes, pendingLimits, settings: config };
    return new RemoteCluster(name, file, { ...deps, ...own });
  };
  const remotes: RemoteClusters<RemoteCluster> = new RemoteClusters({
    ...deps,
    localName: config.clusterName,
    create,
  });
  const startedMs = clock.monotonicMs();
  let isDirectoryRead = false;
  let readyAfterMs: number | undefined;
  const snapshots = (): RemoteClusterSnapshot[] => remotes.all.map((cluster) => cluster.snapshot());
  const notReady = (): string | undefined => {
    if (readyAfterMs !== undefined) return undefined;
    if (!isDirectoryRead) return 'the folder of remote clusters has not been read';
    const elapsedMs = clock.monotonicMs() - startedMs;
    const awaited = awaitedClusters(snapshots(), elapsedMs, config);
    if (awaited.length > 0) return `waiting for ${awaited.join(', ')}`;
    readyAfterMs = elapsedMs;
    pace?.started();
    return undefined;
  };

  return {
    run: async (signal) => {
      let finishing: Promise<void> | undefined;
      for await (const files of clusters.watch(signal)) {
        log.info({ files: files.map(({ name }) => name) }, 'clusters directory read');
        await remotes.apply(files, signal);
        isDirectoryRead = true;
        // Behind the first files, or those that have one would be taken for removed.
        finishing ??= finishRemovals(remotes, create, deps, signal);
      }
      await finishing;
      await remotes.ended();
    },
    notReady,
    readyAfterMs: () => readyAfterMs,
    snapshots,
    isCacheFull: () => space.isFull,
    setLimits: (changed) => {
      limits = changed;
      shared.setTotal(changed.totalBytes);
      for (const cluster of remotes.all) cluster.setLimits(limitsOf(changed, cluster.name));
    },
    status: () => [...snapshots().map(remoteClusterStatus), ...remotes.misnamed.map(refusedFileStatus)].sort(byName),
  };
}

/** What a process that was killed had begun to delete is deleted. */
async function finishRemovals(
  remotes: RemoteClusters<RemoteCluster>,
  create: (name: ClusterName) => RemoteCluster,
  { local, config, ...deps }: KvstoremeshDeps,
  signal: AbortSignal,
): Promise<void> {
  if (config.keepsRemoved === true) return;
  const backoff = new Backoff({ baseMs: 1_000, capMs: 30_000, random: deps.random });
  const finish = async (both: AbortSignal): Promise<void> => {
    remotes.finish(await unfinishedRemovals(local, both), create, signal);
  };
  await retryLoop(finish, { ...deps, name: 'removals', backoff }, signal);
}

async function keepError(_remote: unknown, error: unknown): Promise<unknown> {
  return error;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
