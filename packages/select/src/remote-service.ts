import type { ClusterService, IpBytes } from '@clustermesh/wire';
import type { BackendPath, Listing } from './backend.ts';

/** What another cluster publishes of a service, and whether that cluster is to be used now. */
export interface RemoteService {
  readonly service: ClusterService;
  /** false: its state is too old. Its backends are then used only instead of none. */
  readonly usable: boolean;
  /** The way to each of its backends; absent: every way is open. */
  readonly pathTo?: (address: IpBytes) => BackendPath;
}

/** A service that is no longer shared is as good as deleted. */
export function remoteListings({ service, usable, pathTo }: RemoteService): readonly Listing[] {
  if (!service.shared) return [];
  const { clusterId, zones } = service;
  const state = usable ? 'active' : 'withdrawn';
  return Object.entries(service.backends ?? {}).map(([address, listed]) => {
    const ports = Object.entries(listed ?? {}).map(([name, { protocol, port }]) => ({ name, protocol, port }));
    const zone = Object.hasOwn(zones, address) ? (zones[address]?.zone ?? '') : '';
    return { address, ports, clusterId, zone, state, pathTo };
  });
}
