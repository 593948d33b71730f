import type { KubeClient } from '@clustermesh/kube';
import type { KvReader } from '@clustermesh/kvstore';
import { runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import { createDatapath } from './datapath/create-datapath.ts';
import type { Devices } from './datapath/endpoints/devices.ts';
import { MapSwitch } from './datapath/map-switch.ts';
import type { Sockets } from './datapath/services/sockets.ts';
import { createEvents } from './events/create-events.ts';
import { createIngest } from './ingest/create-ingest.ts';
import type { Links } from './ingest/create-ingest.ts';
import { Pacer } from './ingest/pacer.ts';
import { createFlowTelling } from './flows/create-flows.ts';
import type { FlowTelling } from './flows/create-flows.ts';
import type { Flows, FlowSource } from './flows/flows.ts';
import { policyViewOf } from './flows/policy-view.ts';
import type { DatapathCounter } from './maps/counters.ts';
import type { DatapathMaps } from './maps/datapath-maps.ts';
import { createMetrics } from './metrics.ts';
import type { AgentMetrics } from './metrics.ts';
import { ProbeRecords } from './maps/probe.ts';
import { createNodeProbe } from './probe/node-probe.ts';
import type { Probing } from './probe/node-probe.ts';
import { probeTargets } from './probe/probe-targets.ts';
import type { AgentSettings } from './settings.ts';
import type { AgentStatus } from './status/agent-status.ts';
import { Listings } from './status/listings.ts';
import { statusReport } from './status/status-report.ts';

export interface AgentDeps {
  /** Where other clusters are read, unless there are links. */
  readonly cache: KvReader;
  /** Where our own cluster publishes; absent: the cache is in the same store. */
  readonly own?: KvReader | undefined;
  /** How other clusters are reached; absent: they are read from our own cluster's store. */
  readonly links?: Links | undefined;
  readonly kube: KubeClient;
  readonly maps: DatapathMaps;
  readonly devices: Devices;
  readonly sockets: Sockets;
  /** What the programs decided so far; absent where there are none. */
  readonly counters?: (() => readonly DatapathCounter[]) | undefined;
  /** What they tell of flows; absent likewise. */
  readonly flowSource?: FlowSource | undefined;
  /** Where programs do not use the maps yet: called once these are filled. */
  readonly useMaps?: (() => void) | undefined;
  readonly config: AgentSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  /** Absent: the way to other nodes is not probed. */
  readonly probing?: Probing | undefined;
}

export interface Agent {
  /** Until abort. What is in the maps stays there (I7). */
  run(signal: AbortSignal): Promise<void>;
  status(): AgentStatus;
  readonly listings: Listings;
  readonly metrics: AgentMetrics;
  readonly flows: Flows['get'];
  readonly explain: FlowTelling['explain'];
  /** Why it is not ready, if it is not. */
  notReady(): string | undefined;
}

/** One node's agent: our store and Kubernetes → tables → maps. */
export function createAgent(deps: AgentDeps): Agent {
  const { config, clock, health, maps } = deps;
  const pacer = new Pacer(clock);
  const startedMs = clock.now();
  const status = (): AgentStatus =>
    statusReport({
      ...{ settings: config, startedMs, maps, datapath, ingest, health, probes: nodeProbe },
      hasLinks: deps.links !== undefined,
    });
  const metrics = createMetrics(oncePerTurn(status), deps.counters);
  const datapath = createDatapath({
    ...deps,
    pacer,
    metrics,
    localCluster: config.clusterName,
    localClusterId: config.clusterId,
    nodeName: config.nodeName,
    maxConnectedClusters: config.maxConnectedClusters,
    policyScope: config.policyScope,
    defaultLocalCluster: config.policyDefaultLocalCluster,
    drainMs: config.backendDrainMs,
    globalByDefault: config.defaultGlobalNamespace,
    areServicesKnown: () => ingest.localServices.isSynced && ingest.localNamespaces.isSynced,
    arePodsKnown: () => ingest.localPods.isSynced,
    arePoliciesKnown: () => ingest.arePoliciesKnown(),
  });
  const ingest = createIngest({
    ...deps,
    pacer,
    ...config,
    cache: deps.cache,
    own: deps.own ?? deps.cache,
    links: deps.links,
    datapath,
    local: { ...config, cluster: config.clusterName },
  });
  const nodeProbe = createNodeProbe({
    ...deps,
    pacer,
    probing: deps.probing,
    offReason: config.mode.mode === 'memory' ? 'the maps are in memory' : 'so configured',
    targets: () =>
      probeTargets({ nodes: state.nodes, nodeIndexes: state.nodeIndexes, localClusterId: config.clusterId }),
    records: new ProbeRecords(maps.probe),
    setNodeReachable: (...change) => state.setNodeReachable(...change),
    observeRoundTrip: (seconds) => metrics.observeRoundTrip(seconds),
  });
  const { localNamespaces, localServices, localPods, localPolicies, localCluster, remotes, initialSync, clusterIds } =
    ingest;
  const {
    state,
    programmer,
    services: reconciler,
    takeover,
    loop,
    endpointLoop,
    policyLoop,
    socketLoop,
    endpointReconciler,
  } = datapath;
  const notReady = (): string | undefined => {
    if (!loop.hasSwept) return 'the services of this cluster are not programmed yet';
    return initialSync.waitsFor === undefined ? undefined : `waiting for ${initialSync.waitsFor}`;
  };
  const events = createEvents({
    ...deps,
    pacer,
    startupTaint: config.startupTaint,
    state,
    policy: datapath.policy,
    status,
    notReady,
  });
  const mapSwitch = new MapSwitch({
    ...deps,
    useMaps: deps.useMaps,
    missing: () => notReady() ?? endpointReconciler.missing,
  });
  const listings = new Listings({
    nodeProbe,
    policy: datapath.policy,
    state,
    programmer,
    reconciler,
    clusterIds,
    localClusterId: config.clusterId,
    published: (cluster) => ingest.published(cluster),
  });
  const telling = createFlowTelling({
    ...deps,
    source: deps.flowSource,
    policy: policyViewOf({ policy: datapath.policy, endpoints: datapath.endpoints, maps }),
    state,
    endpoints: datapath.endpoints,
    listings,
    nodeProbe,
    nameOfCluster: (id) => clusterIds.nameOf(id),
    published: (cluster) => ingest.published(cluster),
  });
  const parts = [
    localNamespaces,
    localServices,
    localPods,
    localPolicies,
    localCluster,
    remotes,
    initialSync,
    loop,
    policyLoop,
    endpointLoop,
    socketLoop,
    mapSwitch,
    events,
    nodeProbe,
    telling.flows,
  ];

  return {
    run: async (signal) => {
      await takeover.restore();
      await runAll(
        parts.map((part) => (inner: AbortSignal) => part.run(inner)),
        signal,
      );
    },
    status,
    metrics,
    listings,
    flows: (request, signal) => telling.flows.get(request, signal),
    explain: (request, signal) => telling.explain(request, signal),
    notReady,
  };
}

/** Several gauges of one scrape ask for one and the same status. */
function oncePerTurn<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    if (made === undefined) setImmediate(() => (made = undefined));
    made ??= { value: make() };
    return made.value;
  };
}
