import type { KvReader } from '@clustermesh/kvstore';
import { MeshError, hasCode, refuse } from '@clustermesh/runtime';
import type { Clock, Result } from '@clustermesh/runtime';
import { clusterConfigCodec, clusterConfigKey, validateClusterConfig } from '@clustermesh/wire';
import type { ClusterConfig, ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

export interface ReceivedConfig {
  readonly config: ClusterConfig;
  /** As it came. */
  readonly bytes: Uint8Array;
}

export interface ReceiveDeps {
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly clock: Clock;
}

const waitLimitMs = 3 * 60_000;
const longestRetryMs = 30_000;
/** A config is some 200 bytes; a remote does not get to store more than this in everybody's cache (I1). */
const largestConfig = 16 * 1024;

/** Waits for the source's cluster config and checks it (protocol.md §5.4, 1–4). */
export async function receiveClusterConfig(
  source: KvReader,
  cluster: ClusterName,
  deps: ReceiveDeps,
  signal: AbortSignal,
): Promise<ReceivedConfig> {
  const bytes = await awaitConfig(source, cluster, deps.clock, signal);
  const decoded = decodeConfig(bytes);
  const reason = decoded.ok ? validateClusterConfig(decoded.value, deps.maxConnectedClusters) : decoded.reason;
  if (decoded.ok && reason === undefined) return { config: decoded.value, bytes };
  throw new MeshError('CLUSTER_CONFIG_INVALID', `${clusterConfigKey(cluster)} of the remote cluster: ${reason ?? ''}`);
}

function decodeConfig(bytes: Uint8Array): Result<ClusterConfig> {
  if (bytes.length > largestConfig) return refuse(`it has ${bytes.length} bytes, more than ${largestConfig}`);
  return clusterConfigCodec.decode(bytes);
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
