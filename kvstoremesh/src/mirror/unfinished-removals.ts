import type { KvReader } from '@clustermesh/kvstore';
import { clusterConfigKey, clusterName, freshnessPrefix } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

/**
 * Clusters whose removal was begun by a process that ended before it was done: their config is gone, which is the first step, and
 * their freshness is there, which is the last.
 */
export async function unfinishedRemovals(
  local: Pick<KvReader, 'get' | 'watch'>,
  signal: AbortSignal,
): Promise<ClusterName[]> {
  const names: ClusterName[] = [];
  for await (const { events, phase } of local.watch(freshnessPrefix, {}, signal)) {
    for (const { key } of events) {
      const name = clusterName(key.slice(freshnessPrefix.length));
      if (name.ok && (await local.get(clusterConfigKey(name.value), signal)) === undefined) names.push(name.value);
    }
    if (phase === 'list-done') break;
  }
  return names;
}
