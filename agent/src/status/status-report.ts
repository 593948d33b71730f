import { rfc3339 } from '@clustermesh/wire';
import type { Health } from '@clustermesh/runtime';

import type { Datapath } from '../datapath/create-datapath.ts';
import { cachedClustersScope } from '../ingest/cached-clusters.ts';
import type { Ingest } from '../ingest/create-ingest.ts';
import type { DatapathMaps } from '../maps/datapath-maps.ts';
import type { NodeProbe } from '../probe/node-probe.ts';
import type { AgentSettings } from '../settings.ts';
import type { AgentStatus, CacheStatus, DatapathStatus, LocalStatus } from './agent-status.ts';
import { findConflicts } from './conflicts.ts';
import { policyStatus } from './policy-status.ts';
import { clusterStatus, kindStatus, lastFailures } from './cluster-status.ts';

export interface StatusReportOptions {
  readonly settings: AgentSettings;
  readonly startedMs: number;
  readonly maps: DatapathMaps;
  readonly datapath: Datapath;
  readonly ingest: Ingest;
  readonly health: Health;
  readonly probes: Pick<NodeProbe, 'reports' | 'offReason'>;
  /** Other clusters are read by links. */
  readonly hasLinks: boolean;
}

/** More are counted, not told: every pair of clusters may have one of each kind. */
const shownConflicts = 100;

/** How the agent stands, as one value. */
export function statusReport(options: StatusReportOptions): AgentStatus {
  const { settings, startedMs, health, datapath, ingest, probes } = options;
  const conflicts = findConflicts({ ...datapath, ...ingest, localName: settings.clusterName });
  return {
    cluster: settings.clusterName,
    clusterId: settings.clusterId,
    node: settings.nodeName,
    version: settings.version,
    startedAt: rfc3339(startedMs),
    datapath: datapathStatus(options),
    clusters: clusterStatuses(options),
    health: health.report().map(({ name, state, reason }) => ({ name, state, reason })),
    local: localStatus(options),
    conflicts: conflicts.slice(0, shownConflicts),
    conflictCount: conflicts.length,
    probesOff: probes.offReason,
    policy: policyStatus(datapath.policy, datapath.policyProgrammer),
    cache: cacheStatus(options),
  };
}

function cacheStatus({ settings, health, hasLinks }: StatusReportOptions): CacheStatus {
  if (hasLinks) return { store: '', address: '', problem: '' };
  const { store, address } = settings.cacheAt ?? { store: 'etcd', address: '' };
  const listing = health.report().find(({ name }) => name === cachedClustersScope);
  return { store, address, problem: listing?.state === 'degraded' ? listing.reason : '' };
}

function clusterStatuses({ datapath, ingest, health, probes }: StatusReportOptions): AgentStatus['clusters'] {
  const conflicts = new Map<number, number>();
  for (const { clusterId, count } of datapath.state.ipcache.lost.counts()) {
    conflicts.set(clusterId, (conflicts.get(clusterId) ?? 0) + count);
  }
  const failures = lastFailures(health);
  const reports = Map.groupBy(probes.reports(), ({ cluster }) => cluster);
  return ingest.remotes.all().map((remote) =>
    clusterStatus(remote, {
      conflicts: conflicts.get(remote.feed?.context.clusterId ?? 0) ?? 0,
      reports: reports.get(remote.name) ?? [],
      failure: failures.get(remote.name),
    }),
  );
}

function datapathStatus({ datapath, maps, settings }: StatusReportOptions): DatapathStatus {
  const { programmer, state, services, addresses, endpointReconciler, policyProgrammer, loop } = datapath;
  const used = { ...programmer.used, nodes: state.nodeIndexes.used };
  const of = (map: { readonly name: string; readonly maxEntries: number }, entries: number) => ({
    name: map.name,
    entries,
    maxEntries: map.maxEntries,
  });
  const pending = endpointReconciler.pending.map((pod) => `pod ${pod.namespace}/${pod.name}: ${pod.reason}`);
  const { mode, reason, programs } = settings.mode;
  return {
    mode,
    reason,
    abiVersion: programs?.abiVersion ?? 0,
    objectSha256: programs?.objectSha256 ?? '',
    swept: loop.hasSwept,
    maps: [
      of(maps.svc, used.services),
      of(maps.slot, used.slots),
      of(maps.backend, used.backends),
      of(maps.node, used.nodes),
      of(maps.ipc_host, addresses.programmed),
      of(maps.policy, policyProgrammer.size),
    ],
    problems: [
      ...(programs?.notices ?? []),
      ...new Set(services.problems.values()),
      ...(addresses.problem === undefined ? [] : [addresses.problem]),
      ...(policyProgrammer.problem === undefined ? [] : [policyProgrammer.problem]),
      ...new Set(pending),
      ...datapath.devices.problems,
    ],
    refusedServices: services.problems.size,
    refusedAddresses: addresses.refused,
    attachMethod: programs?.attachMethod ?? '',
    attachedInterfaces: datapath.devices.attachedInterfaces,
  };
}

function localStatus({ datapath, ingest }: StatusReportOptions): LocalStatus {
  const { localCluster, localServices, localPods } = ingest;
  return {
    servicesSynced: localServices.isSynced,
    podsSynced: localPods.isSynced,
    services: datapath.state.services.size,
    endpoints: datapath.endpoints.size,
    kinds: localCluster.feed.kinds.map(kindStatus),
  };
}
