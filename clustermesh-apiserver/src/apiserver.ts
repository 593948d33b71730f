import { Heartbeat, WritePace } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { EventRecorder, namespaces } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { aborted, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import { clusterUid } from './claim/cluster-uid.ts';
import { WriteAccess } from './claim/write-access.ts';
import { ClusterConfigEnforcer, localClusterConfig } from './cluster-config.ts';
import { AnnotationAdvisor } from './events/annotation-advisor.ts';
import { ApiserverMetrics } from './metrics.ts';
import { Publisher } from './publish/publisher.ts';
import { NamespaceTable } from './source/namespace-table.ts';
import type { ApiserverSettings } from './settings.ts';
import { follow } from './source/source.ts';
import { serviceSources, workloadSource } from './sources.ts';

export interface ApiserverDeps {
  readonly kube: KubeClient;
  /** This cluster's own etcd, with a session. */
  readonly kv: KvStore;
  readonly config: ApiserverSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  readonly metrics?: ApiserverMetrics;
}

export interface Apiserver {
  /** Until abort, which leaves everything published: it stays until its leases end. */
  run(signal: AbortSignal): Promise<void>;
  /** Which canaries are missing, or undefined when all are written, or are another replica's to write. */
  notReady(): string | undefined;
  readonly isSynced: boolean;
}

/** Publishes one cluster, as Kubernetes describes it, into its etcd. */
export function createApiserver(deps: ApiserverDeps): Apiserver {
  const { config, clock, log } = deps;
  const { cluster } = config;
  const metrics = deps.metrics ?? new ApiserverMetrics(cluster.name);
  const uid = (signal: AbortSignal): Promise<string> => clusterUid(deps.kube, signal);
  const access = new WriteAccess(cluster, { ...deps, uid, isElected: config.leaderElection === true });
  const kv = access.guard(deps.kv);
  const ownConfig = localClusterConfig(cluster, config.exported);
  const pace = config.writeRate && new WritePace(config.writeRate, clock);
  const publishDeps = { ...deps, kv: pace?.paced(kv) ?? kv, pace, cluster, metrics };
  const publisher = new Publisher(ownConfig, { ...publishDeps, onStarted: () => pace?.started() });
  const namespaceTable = new NamespaceTable(config.globalNamespaces);
  const events = new EventRecorder({
    ...deps,
    component: 'clustermesh-apiserver',
    health: deps.health.scope('events'),
  });
  const advisor = new AnnotationAdvisor(events);
  const followDeps = { ...deps, watchIdleMs: config.kubeWatchIdleMs };
  const sourceDeps = { ...followDeps, namespaces: namespaceTable, advisor, sinks: publisher };
  const workloads = workloadSource(sourceDeps);
  const sources = [workloads, ...serviceSources(sourceDeps)];
  const clusterConfig = new ClusterConfigEnforcer(cluster, ownConfig, { ...deps, kv });
  const pulse = config.heartbeatMs === undefined ? {} : { intervalMs: config.heartbeatMs };
  const heartbeat = new Heartbeat({ key: heartbeatKey, value: timeText, ...pulse }, { writer: kv, clock, log });
  metrics.show(() => ({
    kinds: publisher.kinds,
    identities: workloads.identities,
    bootstrapMs: publisher.bootstrapMs,
    isLeader: !access.isStandby,
  }));

  const learn = async (signal: AbortSignal): Promise<void> => {
    await Promise.race([namespaceTable.whenSynced, aborted(signal)]);
    await runEach(sources, signal);
  };
  /** What another cluster or replica has there must not be taken over before. */
  const publish = async (signal: AbortSignal): Promise<void> => {
    await access.held(signal);
    await runEach([publisher, clusterConfig, heartbeat], signal);
  };
  return {
    run: (signal) =>
      runAll(
        [
          (inner) => access.run(inner),
          publish,
          (inner) => follow(namespaces, advisor.watching(namespaceTable), followDeps, inner),
          (inner) => events.run(inner),
          learn,
        ],
        signal,
      ),
    notReady: () => {
      if (access.problem !== undefined || access.isStandby) return access.problem;
      return publisher.unsynced.length === 0 ? undefined : `not yet published: ${publisher.unsynced.join(', ')}`;
    },
    get isSynced() {
      return publisher.unsynced.length === 0;
    },
  };
}

function timeText(nowMs: number): Uint8Array {
  return new TextEncoder().encode(rfc3339(nowMs));
}

async function runEach(jobs: readonly Pick<Apiserver, 'run'>[], signal: AbortSignal): Promise<void> {
  await runAll(
    jobs.map((job) => (inner: AbortSignal) => job.run(inner)),
    signal,
  );
}
