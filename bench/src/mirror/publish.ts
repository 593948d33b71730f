import { EtcdKvStore } from '@clustermesh/kvstore';
import type { KvOp } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';

import type { Endpoint } from '../../floors/etcd.ts';
import { etcdOptions } from '../etcd-options.ts';
import type { PublishedCluster } from './published-cluster.ts';

const opsPerCommit = 4_096;

/** Writes all that these clusters publish, without a lease: nobody keeps it alive. */
export async function publish(
  clusters: readonly PublishedCluster[],
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<void> {
  await using store = await EtcdKvStore.open(
    { ...etcdOptions(endpoint), session: false },
    { clock, random, log },
    signal,
  );
  let batch: KvOp[] = [];
  const flush = async (): Promise<void> => {
    const { refused } = await store.commit(batch, signal);
    if (refused.length > 0) throw new Error(`${endpoint.url} refuses ${refused.length} keys`);
    batch = [];
  };
  for (const cluster of clusters) {
    for (const op of cluster.entries(clock.now())) {
      batch.push(op);
      if (batch.length === opsPerCommit) await flush();
    }
  }
  await flush();
}
