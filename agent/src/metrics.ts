import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

import type { DatapathCounter } from './maps/counters.ts';
import type { AgentStatus } from './status/agent-status.ts';

export interface AgentMetrics {
  readonly registry: Registry;
  /** From a change coming in to its being in the maps, seconds. */
  observeProgramming(kind: 'service' | 'address' | 'policy', seconds: number): void;
  /** Of a probe of another node that was answered. */
  observeRoundTrip(seconds: number): void;
}

/** Seconds; changes normally take well below a millisecond. */
const programmingBuckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** Seconds; from the same rack to the other side of the earth. */
const roundTripBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

/** Cilium's names where it has them; gauges are read from the status when they are asked for. */
export function createMetrics(
  status: () => AgentStatus,
  counters: () => readonly DatapathCounter[] = () => [],
): AgentMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const programming = new Histogram({
    name: 'clustermesh_agent_programming_duration_seconds',
    help: 'From the arrival of a change until it is in the maps',
    labelNames: ['kind'],
    buckets: programmingBuckets,
    registers,
  });
  const roundTrips = new Histogram({
    name: 'clustermesh_agent_node_probe_round_trip_seconds',
    help: 'From asking a node of another cluster through the tunnel until its answer',
    buckets: roundTripBuckets,
    registers,
  });
  registerClusterGauges(registry, status);
  registerStandings(registry, status);
  registerCache(registry, status);
  registerConflicts(registry, status);
  registerPolicies(registry, status);
  new Counter({
    name: 'clustermesh_agent_datapath_decisions_total',
    help: 'Packets (ingress, egress), connections and datagrams (socket), by what the programs decided',
    labelNames: ['direction', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const { direction, reason, count } of counters()) this.inc({ direction, reason }, count);
    },
  });
  new Gauge({
    name: 'clustermesh_agent_map_entries',
    help: 'Entries of a map that are in use',
    labelNames: ['map'],
    registers,
    collect() {
      for (const { name, entries } of status().datapath.maps) this.set({ map: name }, entries);
    },
  });
  new Gauge({
    name: 'clustermesh_agent_refused_entries',
    help: 'What the maps did not take, for lack of room mostly; tried again every ten seconds',
    labelNames: ['kind'],
    registers,
    collect() {
      const { refusedServices, refusedAddresses } = status().datapath;
      this.set({ kind: 'service' }, refusedServices);
      this.set({ kind: 'address' }, refusedAddresses);
      this.set({ kind: 'policy' }, status().policy.refusedRows);
    },
  });
  return {
    registry,
    observeProgramming: (kind, seconds) => programming.observe({ kind }, seconds),
    observeRoundTrip: (seconds) => roundTrips.observe(seconds),
  };
}

function registerClusterGauges(registry: Registry, status: () => AgentStatus): void {
  const registers = [registry];
  new Gauge({
    name: 'cilium_clustermesh_remote_clusters',
    help: 'Remote clusters that are configured',
    registers,
    collect() {
      this.set(status().clusters.length);
    },
  });
  const perCluster = (
    name: string,
    help: string,
    value: (cluster: AgentStatus['clusters'][number]) => number | undefined,
  ): void => {
    new Gauge({
      name,
      help,
      labelNames: ['target_cluster'],
      registers,
      collect() {
        this.reset();
        for (const cluster of status().clusters) {
          const found = value(cluster);
          if (found !== undefined) this.set({ target_cluster: cluster.name }, found);
        }
      },
    });
  };
  const entriesOf = (kind: string) => (cluster: AgentStatus['clusters'][number]) =>
    cluster.kinds.find(({ name }) => name === kind)?.entries ?? 0;
  perCluster(
    'cilium_clustermesh_remote_cluster_readiness_status',
    '1 when the cluster is ready, else 0',
    ({ state }) => (state === 'ready' ? 1 : 0),
  );
  perCluster('cilium_clustermesh_remote_cluster_nodes', 'Nodes of the cluster', entriesOf('nodes'));
  perCluster('cilium_clustermesh_remote_cluster_services', 'Global services of the cluster', entriesOf('services'));
  perCluster(
    'cilium_clustermesh_remote_cluster_endpoint_slices',
    'Endpoint slices of global services of the cluster',
    entriesOf('endpointslices'),
  );
  perCluster('cilium_clustermesh_remote_cluster_endpoints', 'Addresses of the cluster', entriesOf('ip'));
  perCluster(
    'clustermesh_agent_remote_cluster_rejected',
    'Entries that were not believed (I6)',
    ({ rejected }) => rejected,
  );
  perCluster(
    'clustermesh_agent_remote_cluster_no_room',
    'Entries that wait for room: over the limit of one cluster, or a map was full',
    (c) => c.noRoom,
  );
  perCluster(
    'clustermesh_agent_remote_cluster_withheld',
    'Deletes held back: the mirror was silent (I3)',
    (c) => c.withheld,
  );
  perCluster(
    'clustermesh_agent_node_unreachable',
    'Nodes of the cluster that do not answer through the tunnel any more',
    ({ probes }) => probes.unreachable,
  );
  perCluster(
    'clustermesh_agent_node_unanswered',
    'Nodes of the cluster that never answered through the tunnel: another CNI, an older agent, or no way at all',
    ({ probes }) => probes.unanswered,
  );
  perCluster(
    'clustermesh_agent_remote_cluster_age_seconds',
    'Since the last contact with the cluster, +Inf if there never was any; absent if its mirror does not tell',
    ({ freshness }) => freshness && (freshness.lastContact === '' ? Infinity : freshness.ageMs / 1000),
  );
}

function registerPolicies(registry: Registry, status: () => AgentStatus): void {
  const gauge = (name: string, help: string, value: (policy: AgentStatus['policy']) => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value(status().policy));
      },
    });
  };
  gauge('cilium_policy', 'Policy objects of this cluster', ({ policies }) => policies);
  gauge('clustermesh_agent_policy_subjects', 'Identities of pods of this node that have rows', (one) => one.subjects);
  gauge('clustermesh_agent_policy_rows', 'Rows of policies in the maps', ({ rows }) => rows);
  gauge(
    'clustermesh_agent_policy_rules_refused',
    'Rules of policies that cannot be served: they allow nothing, as a deny they deny everybody',
    ({ refusedRules }) => refusedRules,
  );
}

function registerConflicts(registry: Registry, status: () => AgentStatus): void {
  new Gauge({
    name: 'clustermesh_agent_conflicts',
    help: 'What the cluster claims and another one holds: addresses, pod CIDRs, backends, its id or its name',
    labelNames: ['cluster', 'kind'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { cluster, kind, count } of status().conflicts) this.inc({ cluster, kind }, count);
    },
  });
}

function registerCache(registry: Registry, status: () => AgentStatus): void {
  new Gauge({
    name: 'clustermesh_agent_cache_up',
    help: '1 while the list of clusters in the cache is followed, else 0; absent where agents read clusters themselves',
    labelNames: ['store'],
    registers: [registry],
    collect() {
      this.reset();
      const { store, problem } = status().cache;
      if (store !== '') this.set({ store }, Number(problem === ''));
    },
  });
}

function registerStandings(registry: Registry, status: () => AgentStatus): void {
  new Gauge({
    name: 'clustermesh_agent_remote_cluster_datapath',
    help: '1 for what is done with the cluster’s backends now: fresh, stale or withdrawn',
    labelNames: ['target_cluster', 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name: cluster, datapath: state } of status().clusters) {
        if (state !== '') this.set({ target_cluster: cluster, state }, 1);
      }
    },
  });
}
