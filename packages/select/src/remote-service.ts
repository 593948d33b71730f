import type { IpBytes } from '@clustermesh/wire';
import type { BackendPath, Listing } from './backend.ts';
import type { PublishedEndpoint } from './published-endpoints.ts';

/** What another cluster publishes of a service, and whether that cluster is to be used now. */
export interface RemoteService {
  /** '' when only its number is known: what an earlier agent left. */
  readonly cluster: string;
  readonly clusterId: number;
  readonly endpoints: readonly PublishedEndpoint[];
  /** false: its state is too old. Its backends are then used only instead of none. */
  readonly usable: boolean;
  /** The way to each of its backends; absent: every way is open. */
  readonly pathTo?: (address: IpBytes) => BackendPath;
}

/** One that is terminating waits behind all that take connections; of a cluster that is not usable it is withdrawn too. */
export function remoteListings(
  { endpoints, clusterId, usable, pathTo }: RemoteService,
  only?: ReadonlySet<string>,
): readonly Listing[] {
  const listings: Listing[] = [];
  for (const { address, ports, zone, forZones, state: itsState } of endpoints) {
    if (itsState === 'down' || only?.has(address) === false) continue;
    const state = usable ? itsState : 'withdrawn';
    listings.push({ address, ports, clusterId, zone, forZones, nodeName: '', state, pathTo });
  }
  return listings;
}
