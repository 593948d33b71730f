import type { ClusterId, ClusterName } from '@clustermesh/wire';

import type { MemberSize } from './cached-member.ts';

export interface MeshSize {
  /** Remote clusters. */
  readonly members: number;
}

/** $BENCH_MEMBERS is for trials. */
export function meshSize(): MeshSize {
  return { members: Number(process.env['BENCH_MEMBERS'] ?? members) };
}

/** Together 3,000,000 addresses, 60,000 nodes, 100,000 identities, 20,000 services. */
const members = 200;
export const memberSize: MemberSize = { addresses: 15_000, nodes: 300, identities: 500, services: 100 };

/** One more, which publishes slices: those of the service of 5,000 backends. */
export const slicesMember = {
  id: 250,
  size: { addresses: 5_000, nodes: 300, identities: 500, services: 0 },
};

/** The cluster of our node; some of the global services are here, too. */
export const home = { name: 'home' as ClusterName, id: 255 as ClusterId };
export const localServices = 200;
export const localBackends = 5;

/** Room for all of it, as whoever runs such a mesh has to set it. */
export const mapSizes = { addresses: 4_194_304, nodes: 131_072 };

export const samplesPerMember = 10;
