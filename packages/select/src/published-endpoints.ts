import { formatIp, parseIp } from '@clustermesh/wire';
import type { ClusterEndpointSlice, ClusterService, PortConfiguration, SliceEndpoint } from '@clustermesh/wire';
import type { ListedPort } from './backend.ts';

/**
 * One address that another cluster publishes for a service, in whichever form it does: of all that is published only
 * what selection reads, because hundreds of clusters publish thousands of services each.
 */
export interface PublishedEndpoint {
  readonly address: string;
  /** Mostly the same object for all of a service or slice. */
  readonly ports: readonly ListedPort[];
  /** `down`: neither ready nor serving. It is no backend, but its cluster has told of it. */
  readonly state: 'active' | 'terminating' | 'down';
  readonly zone: string;
  readonly forZones: readonly string[];
}

const none: readonly string[] = [];

/**
 * A service in one value lists only what may be used, and does not say what is terminating (protocol.md §2.7).
 * `undefined`: one that is no longer shared is as good as deleted.
 */
export function endpointsOfService({
  backends,
  zones,
  shared,
}: ClusterService): readonly PublishedEndpoint[] | undefined {
  if (!shared) return undefined;
  let last: readonly ListedPort[] = [];
  return Object.entries(backends ?? {}).map(([address, listed]) => {
    const ports = portsOf(listed);
    if (!areEqual(ports, last)) last = ports;
    const zone = Object.hasOwn(zones, address) ? zones[address] : undefined;
    return {
      address: plainAddress(address),
      ports: last,
      state: 'active',
      zone: zone?.zone ?? '',
      forZones: zone?.forZones?.length ? zone.forZones.map(({ name }) => name) : none,
    };
  });
}

/** Endpoints are published whatever their readiness, addresses as they are spelled (protocol.md §2.8). */
export function endpointsOfSlice({ endpoints, ports: listed }: ClusterEndpointSlice): readonly PublishedEndpoint[] {
  const ports = listed.map(({ name = '', protocol = 'TCP', port = 0 }) => ({ name, protocol, port }));
  return endpoints.flatMap((endpoint) => {
    const state = stateOf(endpoint);
    const zone = endpoint.zone ?? endpoint.deprecatedTopology[zoneLabel] ?? '';
    const zones = endpoint.hints?.forZones ?? [];
    const forZones = zones.length === 0 ? none : zones.map(({ name }) => name);
    return endpoint.addresses.map((address) => ({ address: plainAddress(address), ports, state, zone, forZones }));
  });
}

/** Where clusters of before told zones; it names the zone of their nodes still. */
export const zoneLabel = 'topology.kubernetes.io/zone';

/** As Kubernetes has it: absent `ready` is true, absent `serving` is as `ready`. */
function stateOf({ conditions: { ready = true, serving = ready } }: SliceEndpoint): PublishedEndpoint['state'] {
  if (ready) return 'active';
  return serving ? 'terminating' : 'down';
}

function portsOf(listed: PortConfiguration | null): readonly ListedPort[] {
  return Object.entries(listed ?? {}).map(([name, { protocol, port }]) => ({ name, protocol, port }));
}

function areEqual(one: readonly ListedPort[], other: readonly ListedPort[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, protocol, port }, at) => {
      const its = other[at];
      return its?.name === name && its.protocol === protocol && its.port === port;
    })
  );
}

/** The same text for the same address, whoever wrote it. */
export function plainAddress(address: string): string {
  const bytes = address.includes(':') ? parseIp(address) : undefined;
  return bytes === undefined ? address : formatIp(bytes);
}
