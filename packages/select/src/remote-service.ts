import type { ClusterService } from '@clustermesh/wire';
import type { PortListing } from './backend.ts';

/** What another cluster publishes of a service, and whether that cluster is to be used now. */
export interface RemoteService {
  readonly service: ClusterService;
  /** false: its state is too old or there is no path to it. Its backends are then used only instead of none. */
  readonly usable: boolean;
}

/** A service that is no longer shared is as good as deleted. */
export function* remoteListings({ service, usable }: RemoteService): Generator<PortListing> {
  if (!service.shared) return;
  const { clusterId } = service;
  const state = usable ? 'active' : 'withdrawn';
  for (const [address, ports] of Object.entries(service.backends ?? {})) {
    const zone = Object.hasOwn(service.zones, address) ? (service.zones[address]?.zone ?? '') : '';
    for (const [portName, { protocol, port }] of Object.entries(ports ?? {})) {
      yield { address, portName, protocol, port, clusterId, zone, state };
    }
  }
}
