import { Heartbeat } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { EventRecorder, namespaces } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { aborted, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import { clusterUid } from './claim/cluster-uid.ts';
import { PublisherClaim } from './claim/publisher-claim.ts';
import { ClusterConfigEnforcer } from './cluster-config.ts';
import { AnnotationAdvisor } from './events/annotation-advisor.ts';
import type { LocalCluster } from './map/local-cluster.ts';
import { ApiserverMetrics } from './metrics.ts';
import { Publisher } from './publish/publisher.ts';
import { CiliumSource } from './source/cilium/cilium-source.ts';
import { KubernetesSource } from './source/kubernetes/kubernetes-source.ts';
import type { KubernetesSourceDeps } from './source/kubernetes/kubernetes-source.ts';
import { NamespaceTable } from './source/namespace-table.ts';
import { ServiceSource } from './source/service-source.ts';
import { follow } from './source/source.ts';
import type { Source } from './source/source.ts';

export interface ApiserverSettings {
  readonly cluster: LocalCluster;
  /** Where nodes, identities and IPs are learnt from; CiliumEndpointSlices instead of CiliumEndpoints is the last. */
  readonly source: 'kubernetes' | 'cilium' | 'cilium-endpoint-slices';
  /** Are namespaces global that do not say? */
  readonly globalNamespaces: boolean;
  /** An identity stays that long after its last user went, milliseconds. */
  readonly identityGraceMs: number;
}

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

type WorkloadDeps = Omit<KubernetesSourceDeps, 'identityGraceMs'>;

function workloadSource(config: ApiserverSettings, deps: WorkloadDeps): Source & { readonly identities: number } {
  const { source, identityGraceMs } = config;
  if (source === 'kubernetes') return new KubernetesSource({ ...deps, identityGraceMs });
  return new CiliumSource({ ...deps, endpointSlices: source === 'cilium-endpoint-slices' });
}

/** Publishes one cluster, as Kubernetes describes it, into its etcd. */
export function createApiserver(deps: ApiserverDeps): Apiserver {
  const { config, clock, log } = deps;
  const { cluster } = config;
  const metrics = deps.metrics ?? new ApiserverMetrics(cluster.name);
  const claim = new PublisherClaim(cluster, { ...deps, uid: (signal) => clusterUid(deps.kube, signal) });
  const kv = claim.guard(deps.kv);
  const publisher = new Publisher({ ...deps, kv, cluster, metrics });
  const namespaceTable = new NamespaceTable(config.globalNamespaces);
  const sourceDeps = { ...deps, cluster, namespaces: namespaceTable };
  const events = new EventRecorder({
    ...deps,
    component: 'clustermesh-apiserver',
    health: deps.health.scope('events'),
  });
  const advisor = new AnnotationAdvisor(events);
  const services = new ServiceSource({ ...sourceDeps, advisor, sink: publisher.services });
  const workloads = workloadSource(config, { ...sourceDeps, sinks: publisher });
  const clusterConfig = new ClusterConfigEnforcer(cluster, { ...deps, kv });
  const now = (nowMs: number): Uint8Array => new TextEncoder().encode(rfc3339(nowMs));
  const heartbeat = new Heartbeat({ key: heartbeatKey, value: now }, { writer: kv, clock, log });
  metrics.show(() => ({
    kinds: publisher.kinds,
    identities: workloads.identities,
    bootstrapMs: publisher.bootstrapMs,
  }));

  const learn = async (signal: AbortSignal): Promise<void> => {
    await Promise.race([namespaceTable.whenSynced, aborted(signal)]);
    await runAll([(inner) => workloads.run(inner), (inner) => services.run(inner)], signal);
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
