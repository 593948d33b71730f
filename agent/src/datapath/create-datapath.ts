import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import type { MaxConnectedClusters } from '@clustermesh/wire';

import { ChangeSignal } from '../change-signal.ts';
import { BackendRecords } from '../maps/backend.ts';
import type { Pacer } from '../ingest/pacer.ts';
import type { DatapathMaps } from '../maps/datapath-maps.ts';
import { NodeRecords } from '../maps/node.ts';
import { ProbeRecords } from '../maps/probe.ts';
import { SlotRecords } from '../maps/slot.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { Probing } from '../probe/node-probe.ts';
import { EndpointTable } from '../tables/endpoint-table.ts';
import { MeshState } from '../tables/mesh-state.ts';
import { NamespaceTable } from '../tables/namespace-table.ts';
import type { Devices } from './devices.ts';
import { EndpointLoop } from './endpoint-loop.ts';
import { EndpointProgrammer } from './endpoint-programmer.ts';
import { EndpointReconciler } from './endpoint-reconciler.ts';
import { IpcacheProgrammer } from './ipcache-programmer.ts';
import { NodeIndexes } from './node-indexes.ts';
import { ProgramLoop } from './program-loop.ts';
import { RestoredBackends } from './restored-backends.ts';
import { ServiceProgrammer } from './service-programmer.ts';
import { ServiceReconciler } from './service-reconciler.ts';
import { SocketLoop } from './socket-loop.ts';
import type { Sockets } from './sockets.ts';
import { Takeover } from './takeover.ts';

export interface DatapathDeps {
  readonly maps: DatapathMaps;
  readonly devices: Devices;
  readonly sockets: Sockets;
  readonly localClusterId: number;
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly drainMs: number;
  /** Do namespaces that do not say take part in the mesh? */
  readonly globalByDefault: boolean;
  readonly areServicesKnown: () => boolean;
  readonly arePodsKnown: () => boolean;
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
  readonly programmer: ServiceProgrammer;
  readonly services: ServiceReconciler;
  readonly addresses: IpcacheProgrammer;
  readonly takeover: Takeover;
  readonly loop: ProgramLoop;
  readonly endpointLoop: EndpointLoop;
  readonly socketLoop: SocketLoop;
}

export function createDatapath(deps: DatapathDeps): Datapath {
  const { maps, clock, random, drainMs, localClusterId } = deps;
  const changes = new ChangeSignal();
  const endpointChanges = new ChangeSignal();
  const endedBackends = new ChangeSignal();
  const nodeIndexes = new NodeIndexes({ records: new NodeRecords(maps.node, maps.node_ip), clock, localClusterId });
  const probes = new ProbeRecords(maps.probe);
  const state = new MeshState({
    random,
    expectedAddresses: maps.ipc_host.maxEntries,
    networks: maps.ipc_cidr.maxEntries,
    localClusterId,
    nodeIndexes,
    onChange: () => changes.raise(),
    monotonicMs: () => clock.monotonicMs(),
    isUnreachable: (index, underlay) => deps.probing !== undefined && probes.isUnreachable(index, underlay),
  });
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
  const takeover = new Takeover({ ...deps, state, programmer, restored, ipcacheMaps });
  const endpoints = new EndpointTable();
  const namespaces = new NamespaceTable(deps.globalByDefault);
  const endpointReconciler = new EndpointReconciler({
    ...deps,
    table: endpoints,
    ipcache: state.ipcache,
    namespaces,
    programmer: new EndpointProgrammer({ byIp: maps.ep_ip, byInterface: maps.ep_if }),
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
    programmer,
    services,
    addresses,
    takeover,
    loop: new ProgramLoop({ ...deps, state, changes, addresses, services, programmer, onAddresses }),
    endpointLoop: new EndpointLoop({ ...deps, reconciler: endpointReconciler, changes: endpointChanges }),
    socketLoop: new SocketLoop({ ...deps, changes: endedBackends }),
  };
}
