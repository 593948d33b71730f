import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from '@clustermesh/testkit';

import type { ObserverAnswers } from '../../floors/observer.ts';
import { Child } from '../child.ts';
import { ChurnedCache } from '../churn/churned-cache.ts';
import type { Churned } from '../churn/churned-cache.ts';
import type { ChurnLoad } from '../churn/load.ts';
import { KvstoremeshProcess } from '../mirror/kvstoremesh-process.ts';
import type { PublishedCluster } from '../mirror/published-cluster.ts';
import { startEtcd } from '../propagation/etcds.ts';
import type { BenchEtcd } from '../propagation/etcds.ts';
import { parseStalls, stallsSince } from '../restart/stalls.ts';
import { cachedAddresses, meshSize } from './chained-cache.ts';
import type { ChainedCache } from './chained-cache.ts';
import type { MirroredMesh } from './clusters-figures.ts';

/** Changes of one remote cluster, while all others have none. */
const changesPerSecond = 100;
/** Gets the code of all processes compiled. */
const warmUpSeconds = 2;
const probe = new URL('../restart/event-loop-probe.ts', import.meta.url).href;

export interface MeshUnderTest {
  readonly chained: ChainedCache;
  readonly load: Child<ChurnLoad>;
}

/** A kvstoremesh with an empty cache gets so many files of clusters; then one of these clusters changes. */
export async function mirrorMesh(
  { chained, load }: MeshUnderTest,
  clusters: readonly PublishedCluster[],
  seconds: number,
  signal: AbortSignal,
): Promise<MirroredMesh> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir('bench-clusters'));
  const cache = await startEtcd(stack, 'cache');
  const stallFile = join(dir.path, 'stalls');
  const { name, id } = chained.local;
  const flags = { 'max-connected-clusters': meshSize, 'cluster-name': name, 'cluster-id': id };
  const start = { flags, preload: `${probe}?file=${stallFile}` };
  const mesh = stack.use(await KvstoremeshProcess.start(dir.path, cache.clientFile, signal, start));
  const remotes = clusters.filter((cluster) => cluster.name !== name);

  const startMs = performance.now();
  const sinceMs = Date.now();
  await mesh.connect(new Map(clusters.map((cluster) => [cluster.name, chained.clientFile])));
  await mesh.mirrored(remotes.length, signal);
  const syncSeconds = (performance.now() - startMs) / 1_000;
  const churned = await churnFirst({ chained, load }, cache, seconds, signal);
  const stalls = stallsSince(parseStalls(readFileSync(stallFile, 'utf8')), sinceMs);
  return { remotes: remotes.length, syncSeconds, use: mesh.use(), stalls, churned };
}

async function churnFirst(
  { chained, load }: MeshUnderTest,
  cache: BenchEtcd,
  seconds: number,
  signal: AbortSignal,
): Promise<Churned> {
  await using stack = new AsyncDisposableStack();
  const observer = stack.use(new Child<ObserverAnswers>(new URL('../../floors/observer.ts', import.meta.url), signal));
  await observer.ask('open', { endpoint: cache.endpoint, prefix: cachedAddresses });
  const { name } = chained.changing;
  const places = new Map([[name, { etcd: chained.endpoint, prefix: `${cachedAddresses}${name}/` }]]);
  const one = new ChurnedCache({ load, observer, places, cache: cache.endpoint, cachePrefix: cachedAddresses });
  await one.churn(changesPerSecond, warmUpSeconds, signal);
  return await one.churn(changesPerSecond, seconds, signal);
}
