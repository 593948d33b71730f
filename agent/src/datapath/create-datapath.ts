import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { clusterOfIdentity, isClusterIndependent, isNetworkIdentity } from '@clustermesh/wire';
import type { ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

import { ChangeSignal } from '../change-signal.ts';
import { BackendRecords } from '../maps/backend.ts';
import type { Pacer } from '../ingest/pacer.ts';
import type { DatapathMaps } from '../maps/datapath-maps.ts';
import { NodeRecords } from '../maps/node.ts';
import type { PolicyHolder } from '../maps/policy.ts';
import { ProbeRecords } from '../maps/probe.ts';
import { SlotRecords } from '../maps/slot.ts';
import type { AgentMetrics } from '../metrics.ts';
import { PodSubjects } from '../policy/pod-subjects.ts';
import { PolicyState } from '../policy/policy-state.ts';
import type { PolicyScope } from '../policy/policy-state.ts';
import type { Probing } from '../probe/node-probe.ts';
import { EndpointTable } from '../tables/endpoint-table.ts';
import { MeshState } from '../tables/mesh-state.ts';
import { NamespaceTable } from '../tables/namespace-table.ts';
import { PolicyTable } from '../tables/policy-table.ts';
import type { Devices } from './endpoints/devices.ts';
import { EndpointLoop } from './endpoints/endpoint-loop.ts';
import { EndpointProgrammer } from './endpoints/endpoint-programmer.ts';
import { EndpointReconciler } from './endpoints/endpoint-reconciler.ts';
import { IpcacheProgrammer } from './addresses/ipcache-programmer.ts';
import { NodeIndexes } from './addresses/node-indexes.ts';
import { PolicyLoop } from './policy-rows/policy-loop.ts';
import { PolicyProgrammer } from './policy-rows/policy-programmer.ts';
import { ProgramLoop } from './program-loop.ts';
import { RestoredBackends } from './services/restored-backends.ts';
import { ServiceProgrammer } from './services/service-programmer.ts';
import { ServiceReconciler } from './services/service-reconciler.ts';
import { SocketLoop } from './services/socket-loop.ts';
import type { Sockets } from './services/sockets.ts';
import { Takeover } from './takeover.ts';

export interface DatapathDeps {
  readonly maps: DatapathMaps;
  readonly devices: Devices;
  readonly sockets: Sockets;
  readonly localCluster: ClusterName;
  readonly localClusterId: number;
  readonly nodeName: string;
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly policyScope: PolicyScope;
  /** Do selectors that name no cluster select in this one alone? */
  readonly defaultLocalCluster: boolean;
  readonly drainMs: number;
  /** Do namespaces that do not say take part in the mesh? */
  readonly globalByDefault: boolean;
  readonly areServicesKnown: () => boolean;
  readonly arePodsKnown: () => boolean;
  /** All that our own cluster says of policies and of who is who. */
  readonly arePoliciesKnown: () => boolean;
  readonly pacer: Pacer;
  readonly metrics: AgentMetrics;
  readonly probing?: Probing | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

/** The tables and all that brings the maps to what they say. */
export interface Datapath {
  readonly state: MeshState;
  readonly namespaces: NamespaceTable;
  readonly endpoints: EndpointTable;
  readonly devices: Devices;
  readonly endpointChanges: ChangeSignal;
  readonly endpointReconciler: EndpointReconciler;
  readonly policies: PolicyTable;
  readonly policy: PolicyState;
  readonly policyProgrammer: PolicyProgrammer;
  readonly policyChanges: ChangeSignal;
  readonly programmer: ServiceProgrammer;
  readonly services: ServiceReconciler;
  readonly addresses: IpcacheProgrammer;
  readonly takeover: Takeover;
  readonly loop: ProgramLoop;
  readonly endpointLoop: EndpointLoop;
  readonly policyLoop: PolicyLoop;
  readonly socketLoop: SocketLoop;
}

export function createDatapath(deps: DatapathDeps): Datapath {
  const { maps, clock, random, drainMs, localCluster, localClusterId } = deps;
  const changes = new ChangeSignal();
  const policyChanges = new ChangeSignal();
  const endpointChanges = new ChangeSignal();
  const endedBackends = new ChangeSignal();
  const nodeIndexes = new NodeIndexes({ ...deps, records: new NodeRecords(maps.node, maps.node_ip) });
  const probes = new ProbeRecords(maps.probe);
  const state = new MeshState({
    random,
    networks: maps.ipc_cidr.maxEntries,
    localClusterId,
    nodeName: deps.nodeName,
    nodeIndexes,
    onChange: () => changes.raise(),
    onIdentity: (identity) => policy.identityChanged(identity),
    monotonicMs: () => clock.monotonicMs(),
    isUnreachable: (index, underlay) => deps.probing !== undefined && probes.isUnreachable(index, underlay),
  });
  const policies = new PolicyTable({ localCluster, defaultLocalCluster: deps.defaultLocalCluster }, (key) =>
    policy.policyChanged(key),
  );
  const policy: PolicyState = new PolicyState({
    localCluster,
    policies,
    scope: deps.policyScope,
    identities: state.identities,
    ports: state.ports,
    isSynced: deps.arePoliciesKnown,
    onChange: () => policyChanges.raise(),
    monotonicMs: () => clock.monotonicMs(),
  });
  const policyMaps = { rows: maps.policy, lengths: maps.policy_len };
  const policyProgrammer = new PolicyProgrammer(policyMaps, (identity) => remoteClusterOf(identity, deps));
  const serviceMaps = {
    services: maps.svc,
    slots: new SlotRecords(maps.slot),
    backends: new BackendRecords(maps.backend),
  };
  const onBackendsEnded = (): void => endedBackends.raise();
  const programmer = new ServiceProgrammer({ maps: serviceMaps, clock, drainMs, onBackendsEnded });
  const restored = new RestoredBackends();
  const services = new ServiceReconciler({ table: state.services, programmer, restored });
  const ipcacheMaps = { hosts: maps.ipc_host, cidrs: maps.ipc_cidr };
  const addresses = new IpcacheProgrammer({
    table: state.ipcache,
    maps: ipcacheMaps,
    nodes: nodeIndexes,
    onHostRemoved: (address) => programmer.addressGone(address),
  });
  const takeover = new Takeover({
    ...deps,
    state,
    programmer,
    restored,
    ipcacheMaps,
    policyRows: policyProgrammer,
    onNetwork: (...network) => policy.restoreNetwork(...network),
  });
  const endpoints = new EndpointTable();
  const namespaces = new NamespaceTable(deps.globalByDefault);
  const endpointProgrammer = new EndpointProgrammer({ byIp: maps.ep_ip, byInterface: maps.ep_if });
  const endpointReconciler = new EndpointReconciler({
    ...deps,
    table: endpoints,
    ipcache: state.ipcache,
    identities: state.identities,
    namespaces,
    policy,
    subjects: new PodSubjects({ localCluster, namespaces, restored: endpointProgrammer.entries() }),
    programmer: endpointProgrammer,
  });
  const onAddresses = (): void => {
    if (endpointReconciler.isBehind) endpointChanges.raise();
  };
  return {
    state,
    namespaces,
    endpoints,
    devices: deps.devices,
    endpointChanges,
    endpointReconciler,
    policies,
    policy,
    policyProgrammer,
    policyChanges,
    programmer,
    services,
    addresses,
    takeover,
    loop: new ProgramLoop({ ...deps, state, changes, addresses, services, programmer, onAddresses }),
    endpointLoop: new EndpointLoop({ ...deps, reconciler: endpointReconciler, changes: endpointChanges }),
    policyLoop: new PolicyLoop({
      ...deps,
      policy,
      programmer: policyProgrammer,
      changes: policyChanges,
      addresses: state,
      programAddresses: async () => {
        while (addresses.applyUpserts()) await deps.pacer.pause();
      },
      onSubjects: () => endpointChanges.raise(),
      onPoliciesApplied: () => takeover.policiesApplied(),
      settled: () => settledRows({ ...deps, policy, endpointReconciler, takeover }),
    }),
    socketLoop: new SocketLoop({ ...deps, changes: endedBackends }),
  };
}

function remoteClusterOf(
  identity: number,
  { localClusterId, maxConnectedClusters }: Pick<DatapathDeps, 'localClusterId' | 'maxConnectedClusters'>,
): number {
  if (isClusterIndependent(identity) || isNetworkIdentity(identity)) return 0;
  const cluster = clusterOfIdentity(identity, maxConnectedClusters);
  return cluster === localClusterId ? 0 : cluster;
}

interface RowWitnesses {
  readonly policy: Pick<PolicyState, 'isReady'>;
  readonly endpointReconciler: Pick<EndpointReconciler, 'isComplete' | 'subjectsInUse'>;
  readonly takeover: Pick<Takeover, 'areIdentitiesKnown'>;
  readonly maxConnectedClusters: MaxConnectedClusters;
}

/** Of which rows is it certain, now, that who wants them has said so? */
function settledRows(witnesses: RowWitnesses): (key: PolicyHolder) => boolean {
  const { policy, endpointReconciler, takeover, maxConnectedClusters } = witnesses;
  const inUse = endpointReconciler.subjectsInUse();
  return ({ subject, remote }) => {
    // Before all pods of the node are known, one of them may want them.
    if (!policy.isReady(subject)) return endpointReconciler.isComplete && !inUse.has(subject);
    // Numbers that no cluster has given are known by now.
    const isOfCluster = !isClusterIndependent(remote) && !isNetworkIdentity(remote);
    return !isOfCluster || takeover.areIdentitiesKnown(clusterOfIdentity(remote, maxConnectedClusters));
  };
}
