import { Heartbeat } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { EventRecorder, namespaces } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { aborted, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import { clusterUid } from './claim/cluster-uid.ts';
import { PublisherClaim } from './claim/publisher-claim.ts';
import { ClusterConfigEnforcer, localClusterConfig } from './cluster-config.ts';
import { AnnotationAdvisor } from './events/annotation-advisor.ts';
import { ApiserverMetrics } from './metrics.ts';
import { Publisher } from './publish/publisher.ts';
import { WritePace } from './publish/write-pace.ts';
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
  /** Which canaries are missing, or undefined when all are written. */
  notReady(): string | undefined;
  readonly isSynced: boolean;
}

/** Publishes one cluster, as Kubernetes describes it, into its etcd. */
export function createApiserver(deps: ApiserverDeps): Apiserver {
  const { config, clock, log } = deps;
  const { cluster } = config;
  const metrics = deps.metrics ?? new ApiserverMetrics(cluster.name);
  const claim = new PublisherClaim(cluster, { ...deps, uid: (signal) => clusterUid(deps.kube, signal) });
  const kv = claim.guard(deps.kv);
  const ownConfig = localClusterConfig(cluster, config.exported);
  const pace = config.writeRate && new WritePace(config.writeRate, clock);
  const publishDeps = { ...deps, kv: pace?.paced(kv) ?? kv, cluster, metrics };
  const publisher = new Publisher(ownConfig, { ...publishDeps, onStarted: () => pace?.started() });
  const namespaceTable = new NamespaceTable(config.globalNamespaces);
  const events = new EventRecorder({
    ...deps,
    component: 'clustermesh-apiserver',
    health: deps.health.scope('events'),
  });
  const advisor = new AnnotationAdvisor(events);
  const sourceDeps = { ...deps, namespaces: namespaceTable, advisor, sinks: publisher };
  const workloads = workloadSource(sourceDeps);
  const sources = [workloads, ...serviceSources(sourceDeps)];
  const clusterConfig = new ClusterConfigEnforcer(cluster, ownConfig, { ...deps, kv });
  const heartbeat = new Heartbeat({ key: heartbeatKey, value: timeText }, { writer: kv, clock, log });
  metrics.show(() => ({
    kinds: publisher.kinds,
    identities: workloads.identities,
    bootstrapMs: publisher.bootstrapMs,
  }));

  const learn = async (signal: AbortSignal): Promise<void> => {
    await Promise.race([namespaceTable.whenSynced, aborted(signal)]);
    await runAll(
      sources.map((source) => (inner: AbortSignal) => source.run(inner)),
      signal,
    );
  };
  /** What another cluster has there must not be taken over before the claim is held. */
  const publish = async (signal: AbortSignal): Promise<void> => {
    await claim.held(signal);
    const jobs = [publisher, clusterConfig, heartbeat].map((job) => (inner: AbortSignal) => job.run(inner));
    await runAll(jobs, signal);
  };
  return {
    run: (signal) =>
      runAll(
        [
          (inner) => claim.run(inner),
          publish,
          (inner) => follow(namespaces, advisor.watching(namespaceTable), deps, inner),
          (inner) => events.run(inner),
          learn,
        ],
        signal,
      ),
    notReady: () => {
      if (claim.problem !== undefined) return claim.problem;
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
