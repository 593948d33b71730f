import type { ServiceAffinity } from '@clustermesh/wire';
import type { BackendState, Listing } from './backend.ts';
import { plainAddress } from './published-endpoints.ts';

/** A Service of this cluster and its EndpointSlices, as far as balancing needs them. */
export interface LocalService {
  readonly namespace: string;
  readonly name: string;
  readonly clusterId: number;
  /** `None` and '' make no frontend. */
  readonly clusterIps: readonly string[];
  readonly ports: readonly ServicePort[];
  /** Are backends of other clusters used? The service's own `global` annotation. */
  readonly includeExternal: boolean;
  readonly affinity: ServiceAffinity;
  readonly traffic: TrafficRule;
  /** Without those that the mesh itself made of remote backends. */
  readonly slices: readonly LocalSlice[];
}

/**
 * Which backends a client's node prefers or is restricted to (protocol.md §8.4, §8.6).
 * - `cluster`: where a client is does not matter.
 * - `same-zone`, `same-node`: those are preferred while there are any.
 * - `node-local`: of this cluster, only those of the client's node are backends at all (internalTrafficPolicy).
 */
export type TrafficRule = 'cluster' | 'same-zone' | 'same-node' | 'node-local';

/** Where the clients are. */
export interface ClientNode {
  readonly name: string;
  /** '' when unknown: nothing is in the same zone. */
  readonly zone: string;
}

export interface ServicePort {
  readonly name?: string | undefined;
  /** TCP when absent. */
  readonly protocol?: string | undefined;
  readonly port: number;
}

export interface LocalSlice {
  readonly endpoints?: readonly LocalEndpoint[] | null | undefined;
  /** A port without number means "all of them", which no service can be balanced over. */
  readonly ports?: readonly Partial<ServicePort>[] | null | undefined;
}

export interface LocalEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: EndpointConditions | null | undefined;
  readonly zone?: string | null | undefined;
  readonly nodeName?: string | null | undefined;
  readonly hints?: { readonly forZones?: readonly { readonly name: string }[] | null } | null | undefined;
}

interface EndpointConditions {
  /** Absent: true. */
  readonly ready?: boolean | null | undefined;
  /** Absent: as `ready`. */
  readonly serving?: boolean | null | undefined;
}

const none: readonly string[] = [];
const noListings: readonly Listing[] = [];

/** An endpoint whose node nobody tells is taken for one of any node, as Cilium does. */
export function localListings(
  { slices, clusterId, traffic }: LocalService,
  node: ClientNode,
  only?: ReadonlySet<string>,
): readonly Listing[] {
  const isAsked = (address: string): boolean => only?.has(plainAddress(address)) !== false;
  return slices.flatMap(({ endpoints, ports: listed }) => {
    const ports = (listed ?? []).map(({ name = '', protocol = 'TCP', port = 0 }) => ({ name, protocol, port }));
    return (endpoints ?? []).flatMap(({ addresses: all, conditions, ...endpoint }) => {
      const addresses = only === undefined ? all : all.filter(isAsked);
      if (addresses.length === 0) return noListings;
      const state = stateOf(conditions);
      const [zone, nodeName] = [endpoint.zone ?? '', endpoint.nodeName ?? ''];
      if (state === undefined) return noListings;
      if (traffic === 'node-local' && nodeName !== '' && nodeName !== node.name) return noListings;
      const forZones = endpoint.hints?.forZones?.map(({ name }) => name) ?? none;
      return addresses.map((address) => ({ address, ports, clusterId, zone, forZones, nodeName, state }));
    });
  });
}

/** Undefined: neither ready nor serving, no backend at all. */
function stateOf(conditions: EndpointConditions | null | undefined): BackendState | undefined {
  const ready = conditions?.ready ?? true;
  if (ready) return 'active';
  return (conditions?.serving ?? ready) ? 'terminating' : undefined;
}
