import type { KvEvent, KvReader } from '@clustermesh/kvstore';
import { clusterConfigCodec, clusterConfigPrefix } from '@clustermesh/wire';

import type { LocalCluster } from '../map/local-cluster.ts';

/**
 * What a publisher that makes no claim (Cilium's, an older one of ours) has left or still writes: a cluster config that is
 * no copy of a remote's. It goes with its writer's lease. `former` is a
 * cluster whose claim is over.
 */
export async function foreignConfig(
  kv: Pick<KvReader, 'watch'>,
  { name, id }: LocalCluster,
  former: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const event of await list(kv, clusterConfigPrefix, signal)) {
    if (event.kind !== 'put') continue;
    const owner = event.key.slice(clusterConfigPrefix.length);
    const config = clusterConfigCodec.decode(event.value);
    if (!config.ok || config.value.capabilities.cached || owner === former) continue;
    if (owner === name && config.value.id === id) continue;
    const whose = owner === name ? `carries id ${config.value.id} instead of ${id}` : `is not of cluster ${name}`;
    return `publish into this etcd: ${event.key} ${whose}; is another cluster published there? It goes with its writer's lease`;
  }
  return undefined;
}

async function list(kv: Pick<KvReader, 'watch'>, prefix: string, signal: AbortSignal): Promise<readonly KvEvent[]> {
  const events: KvEvent[] = [];
  for await (const batch of kv.watch(prefix, {}, signal)) {
    events.push(...batch.events);
    if (batch.phase === 'list-done') break;
  }
  return events;
}
