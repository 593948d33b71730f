import { parseIp, type IpBytes } from '@clustermesh/wire';

export const protocols = ['TCP', 'UDP', 'SCTP'] as const;
export type Protocol = (typeof protocols)[number];

/** One address and port that answers for a service. */
export interface Backend {
  /** Address, port and protocol as text: the same for the same place in the datapath, and sorted as those are. */
  readonly key: string;
  readonly address: IpBytes;
  readonly port: number;
  readonly protocol: Protocol;
  /** Names under which the port is listed; none when it is unnamed. */
  readonly portNames: readonly string[];
  readonly clusterId: number;
  /** '' when unknown. */
  readonly zone: string;
  /** Zones whose clients shall prefer it; none: no hint. */
  readonly forZones: readonly string[];
  /** Of this cluster; '' when unknown, and for other clusters, whose nodes may have the names of ours. */
  readonly nodeName: string;
  readonly state: BackendState;
}

/**
 * - `active`: takes new connections.
 * - `terminating`: shutting down but still serving: for when there is no other.
 * - `withdrawn`: not to be used now (its cluster's state is too old, or there is no path to it): for when there is nothing
 *   else, because silence must not empty a service (I4).
 */
export type BackendState = 'active' | 'terminating' | 'withdrawn';

/**
 * What is known of the way to a backend of another cluster.
 * - `open`: nothing speaks against it.
 * - `missing`: none is programmed, or its node does not answer: it is then as good as withdrawn.
 * - `foreign`: the address is another cluster's, so that whoever answers there is somebody else: never used.
 */
export type BackendPath = 'open' | 'missing' | 'foreign';

/** The text as one of the protocols that carry ports; in upper case only, as everybody writes it. */
export function protocolOf(text: string): Protocol | undefined {
  return protocols.find((protocol) => protocol === text);
}

/** The ports of one address, as sources list them: anything a peer or a user may have written. */
export interface Listing {
  readonly address: string;
  readonly ports: readonly ListedPort[];
  readonly clusterId: number;
  readonly zone: string;
  readonly forZones: readonly string[];
  readonly nodeName: string;
  readonly state: BackendState;
  /** Absent: every way is open. */
  readonly pathTo?: ((address: IpBytes) => BackendPath) | undefined;
}

export interface ListedPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

/**
 * Backends by key: several names of one port are one backend that has them all, and it is active if any listing of
 * it is. What no packet could be sent to is left out.
 */
export function collectBackends(listings: Iterable<Listing>): ReadonlyMap<string, Backend> {
  const backends = new Map<string, Backend>();
  for (const listing of listings) {
    const address = parseIp(listing.address);
    const listedState = address && stateOf(listing, address);
    if (address === undefined || listedState === undefined) continue;
    const { clusterId, zone, forZones, nodeName } = listing;
    const addressKey = Buffer.from(address).toString('latin1');
    for (const { name, port, ...listed } of listing.ports) {
      const protocol = protocolOf(listed.protocol);
      if (protocol === undefined || port < 1 || port > 0xffff) continue;
      const key = addressKey + String.fromCharCode(port >> 8, port & 0xff, protocols.indexOf(protocol));
      const known = backends.get(key);
      const state = known?.state === 'active' ? 'active' : listedState;
      const portNames = addName(known?.portNames ?? none, name);
      backends.set(key, { key, address, port, protocol, portNames, clusterId, zone, forZones, nodeName, state });
    }
  }
  return backends;
}

const none: readonly string[] = [];

/** `undefined`: no backend at all. */
function stateOf({ state, pathTo }: Listing, address: IpBytes): BackendState | undefined {
  const path = pathTo?.(address) ?? 'open';
  if (path === 'foreign') return undefined;
  return path === 'missing' ? 'withdrawn' : state;
}

function addName(names: readonly string[], name: string): readonly string[] {
  return name === '' || names.includes(name) ? names : [...names, name].sort();
}
