import { kindByName } from '@clustermesh/wire';

import { PublishedCluster } from '../mirror/published-cluster.ts';
import { publish } from '../mirror/publish.ts';
import { startEtcd } from '../propagation/etcds.ts';
import type { BenchEtcd } from '../propagation/etcds.ts';

/** A mesh as large as it can be. */
export const meshSize = 511;
const size = { addresses: 200, identities: 10, services: 5, nodes: 2 };

/** One etcd that has all clusters of a mesh, as the cache of one of them: nobody connects to the others themselves. */
export interface ChainedCache extends BenchEtcd {
  readonly clusters: readonly PublishedCluster[];
  /** The one of them that kvstoremesh runs in: ids end with the mesh, so that it cannot be one more. */
  readonly local: PublishedCluster;
  /** The one that changes. */
  readonly changing: PublishedCluster;
}

export async function startChainedCache(stack: AsyncDisposableStack, signal: AbortSignal): Promise<ChainedCache> {
  const etcd = await startEtcd(stack, 'chained');
  const published = (id: number): PublishedCluster => new PublishedCluster(id, size, { mesh: meshSize, cached: true });
  const clusters = Array.from({ length: meshSize }, (_, index) => published(index + 1));
  await publish(clusters, etcd.endpoint, signal);
  return { ...etcd, clusters, local: published(meshSize), changing: published(1) };
}

/** What stands before the name of a cluster whose addresses a cache has. */
export const cachedAddresses = `${kindByName.ip.cacheCanary}/`;
