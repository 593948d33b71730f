import { parseIp, type IpBytes } from '@clustermesh/wire';

export const protocols = ['TCP', 'UDP', 'SCTP'] as const;
export type Protocol = (typeof protocols)[number];

/** One address and port that answers for a service. */
export interface Backend {
  readonly address: IpBytes;
  readonly port: number;
  readonly protocol: Protocol;
  /** Names under which the port is listed; none when it is unnamed. */
  readonly portNames: readonly string[];
  readonly clusterId: number;
  /** '' when unknown. */
  readonly zone: string;
  readonly state: BackendState;
}

/**
 * - `active`: takes new connections.
 * - `terminating`: shutting down but still serving: for when there is no other.
 * - `withdrawn`: of a cluster that is not to be used now (too old, or no path to it): for when there is nothing else,
 *   because silence must not empty a service (I4).
 */
export type BackendState = 'active' | 'terminating' | 'withdrawn';

/** The text as one of the protocols that carry ports; in upper case only, as everybody writes it. */
export function protocolOf(text: string): Protocol | undefined {
  return protocols.find((protocol) => protocol === text);
}

/** A place in the datapath: two backends with the same one are the same backend. */
export function endpointKey(backend: Pick<Backend, 'address' | 'port' | 'protocol'>): string {
  return `${Buffer.from(backend.address).toString('latin1')}${backend.port}${backend.protocol}`;
}

/** By address, port and protocol: the same set gives the same order in every run (I8). */
export function compareBackends(left: Backend, right: Backend): number {
  return (
    Buffer.compare(left.address, right.address) ||
    left.port - right.port ||
    protocols.indexOf(left.protocol) - protocols.indexOf(right.protocol)
  );
}

/** One port of one address, as sources list them: anything a peer or a user may have written. */
export interface PortListing {
  readonly address: string;
  readonly portName: string;
  readonly protocol: string;
  readonly port: number;
  readonly clusterId: number;
  readonly zone: string;
  readonly state: BackendState;
}

/**
 * Backends by place: several names of one port are one backend that has them all, and it is active if any listing of
 * it is. What no packet could be sent to is left out.
 */
export function collectBackends(listings: Iterable<PortListing>): ReadonlyMap<string, Backend> {
  const backends = new Map<string, Backend>();
  for (const listing of listings) {
    const { port, clusterId, zone } = listing;
    const address = parseIp(listing.address);
    const protocol = protocolOf(listing.protocol);
    if (address === undefined || protocol === undefined || port < 1 || port > 0xffff) continue;
    const key = endpointKey({ address, port, protocol });
    const known = backends.get(key);
    const state = known?.state === 'active' ? 'active' : listing.state;
    const portNames = addName(known?.portNames ?? [], listing.portName);
    backends.set(key, { address, port, protocol, portNames, clusterId, zone, state });
  }
  return backends;
}

function addName(names: readonly string[], name: string): readonly string[] {
  return name === '' || names.includes(name) ? names : [...names, name].sort();
}
