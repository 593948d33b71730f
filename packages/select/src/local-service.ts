import type { ServiceAffinity } from '@clustermesh/wire';
import type { BackendState, Listing } from './backend.ts';

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
  /** Without those that the mesh itself made of remote backends. */
  readonly slices: readonly LocalSlice[];
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
}

interface EndpointConditions {
  /** Absent: true. */
  readonly ready?: boolean | null | undefined;
  /** Absent: as `ready`. */
  readonly serving?: boolean | null | undefined;
}

export function localListings({ slices, clusterId }: LocalService): readonly Listing[] {
  return slices.flatMap(({ endpoints, ports: listed }) => {
    const ports = (listed ?? []).map(({ name = '', protocol = 'TCP', port = 0 }) => ({ name, protocol, port }));
    return (endpoints ?? []).flatMap(({ addresses, conditions, zone }) => {
      const state = stateOf(conditions);
      if (state === undefined) return [];
      return addresses.map((address) => ({ address, ports, clusterId, zone: zone ?? '', state }));
    });
  });
}

/** Undefined: neither ready nor serving, no backend at all. */
function stateOf(conditions: EndpointConditions | null | undefined): BackendState | undefined {
  const ready = conditions?.ready ?? true;
  if (ready) return 'active';
  return (conditions?.serving ?? ready) ? 'terminating' : undefined;
}
