import type { KvReader } from '@clustermesh/kvstore';
import { MeshError, hasCode } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { clusterConfigKey, validateClusterConfig } from '@clustermesh/wire';
import type { ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

import { copyClusterConfig } from './cluster-config-copy.ts';
import type { ReceivedClusterConfig } from './cluster-config-copy.ts';
import type { ClusterIds } from './cluster-ids.ts';

export interface ReceiveDeps {
  readonly ids: ClusterIds;
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly clock: Clock;
}

const waitLimitMs = 3 * 60_000;
const longestRetryMs = 30_000;

/** Waits for the source's cluster config and checks it (protocol.md §5.4); its id is then reserved for `cluster`. */
export async function receiveClusterConfig(
  source: KvReader,
  cluster: ClusterName,
  deps: ReceiveDeps,
  signal: AbortSignal,
): Promise<ReceivedClusterConfig> {
  const bytes = await awaitConfig(source, cluster, deps.clock, signal);
  const key = clusterConfigKey(cluster);
  const received = copyClusterConfig(bytes);
  if (!received.ok) throw new MeshError('CLUSTER_CONFIG_INVALID', `${key} of the remote cluster: ${received.reason}`);
  const { config } = received.value;
  const invalid = validateClusterConfig(config, deps.maxConnectedClusters);
  if (invalid !== undefined) throw new MeshError('CLUSTER_CONFIG_INVALID', `${key} of the remote cluster: ${invalid}`);
  const conflict = deps.ids.reserve(config.id, cluster);
  if (conflict !== undefined) {
    throw new MeshError('CLUSTER_ID_CONFLICT', `${conflict}; every cluster of a mesh needs an id of its own`);
  }
  return received.value;
}

async function awaitConfig(
  source: KvReader,
  cluster: ClusterName,
  clock: Clock,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const key = clusterConfigKey(cluster);
  const deadline = clock.monotonicMs() + waitLimitMs;
  for (let attempt = 1; clock.monotonicMs() < deadline && !signal.aborted; attempt++) {
    const entry = await source.get(key, signal).catch((error: unknown) => {
      throw hasCode(error, 'KV_PERMISSION_DENIED') ? otherCluster(cluster, error) : error;
    });
    if (entry !== undefined) return entry.value;
    await clock.sleep(Math.min(attempt * 1000, longestRetryMs), signal);
  }
  throw new MeshError(
    'CLUSTER_CONFIG_MISSING',
    `the remote cluster does not publish ${key}: is it really named ${cluster}, and does its clustermesh-apiserver run?`,
    { retryable: true },
  );
}

/** For those who may read what every user may: the role names the one cluster config that it opens. */
function otherCluster(cluster: ClusterName, cause: unknown): MeshError {
  const text = `the endpoints belong to a cluster that is not named ${cluster}: it gives access, but not to ${clusterConfigKey(cluster)}`;
  return new MeshError('CLUSTER_CONFIG_MISSING', text, { cause });
}
