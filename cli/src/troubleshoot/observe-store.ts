import type { EtcdKvStore, KvReader } from '@clustermesh/kvstore';
import { MeshError } from '@clustermesh/runtime';
import { canaryKey, clusterConfigCodec, clusterConfigKey, heartbeatKey } from '@clustermesh/wire';
import type { ClusterConfig, ClusterName } from '@clustermesh/wire';

import { attempt } from './attempt.ts';
import type { Patience } from './attempt.ts';
import type { Attempt, Range, RangeObservation, StoreObservation } from './observation.ts';
import { ownRanges, publishedKinds, remoteRanges } from './ranges.ts';

/** A config is some 200 bytes. */
const largestConfig = 16 * 1024;

type Store = Pick<EtcdKvStore, 'get' | 'watch' | 'auth' | 'storeId'>;

interface Asked {
  readonly cluster: ClusterName;
  readonly isOwn: boolean;
  /** Who asks. */
  readonly user: string | undefined;
}

/** `attempt` with its limits given. */
type Try = <T>(what: string, task: (signal: AbortSignal) => Promise<T>) => Promise<Attempt<T>>;

/** Reads what a reader of that cluster reads, a little of each. Nothing is written. */
export async function observeStore(
  store: Store,
  { cluster, isOwn, user }: Asked,
  patience: Patience,
  signal: AbortSignal,
): Promise<StoreObservation> {
  const tried: Try = (what, task) => attempt(what, task, patience, signal);
  const config = await tried('read the cluster config', (both) => readConfig(store, cluster, both));
  const known = config.ok ? config.value : undefined;
  const ranges = isOwn ? ownRanges(cluster, user) : remoteRanges(cluster, known);
  const [checksUsers, read, canaries, heartbeat] = await Promise.all([
    tried('ask whether etcd checks users', (both) => store.auth.isEnabled(both)),
    Promise.all(ranges.map((range) => observeRange(store, range, tried))),
    observeCanaries(store, cluster, known, tried),
    tried('read the heartbeat', async (both) => text((await store.get(heartbeatKey, both))?.value)),
  ]);
  const storeId = (store.storeId ?? 0n).toString(16);
  return { storeId, checksUsers, ranges: read, config, canaries, heartbeat };
}

async function readConfig(
  store: Pick<KvReader, 'get'>,
  cluster: ClusterName,
  signal: AbortSignal,
): Promise<ClusterConfig | undefined> {
  const key = clusterConfigKey(cluster);
  const entry = await store.get(key, signal);
  if (entry === undefined) return undefined;
  const { length } = entry.value;
  if (length > largestConfig) throw new MeshError('CLUSTER_CONFIG_INVALID', `${key} has ${length} bytes`);
  const decoded = clusterConfigCodec.decode(entry.value);
  if (!decoded.ok) throw new MeshError('CLUSTER_CONFIG_INVALID', `${key}: ${decoded.reason}`);
  return decoded.value;
}

/** The first page of a listing shows whether the whole range may be read. */
async function observeRange(
  store: Pick<KvReader, 'get' | 'watch'>,
  range: Range,
  tried: Try,
): Promise<RangeObservation> {
  const { key, isPrefix } = range;
  const readOnce = async (signal: AbortSignal): Promise<undefined> => {
    if (!isPrefix) await store.get(key, signal);
    else for await (const _page of store.watch(key, {}, signal)) break;
    return undefined;
  };
  return { ...range, read: await tried(`read ${key}`, readOnce) };
}

function observeCanaries(
  store: Pick<KvReader, 'get'>,
  cluster: ClusterName,
  config: ClusterConfig | undefined,
  tried: Try,
): Promise<StoreObservation['canaries']> {
  if (config?.capabilities.syncedCanaries !== true) return Promise.resolve([]);
  const { cached } = config.capabilities;
  return Promise.all(
    publishedKinds(config).map(async ({ name, cacheCanary, stateCanary }) => {
      const key = canaryKey(cluster, cached ? cacheCanary : stateCanary);
      const look = async (signal: AbortSignal): Promise<boolean> => (await store.get(key, signal)) !== undefined;
      return { kind: name, isThere: await tried(`read ${key}`, look) };
    }),
  );
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.subarray(0, 64)).toString();
}
