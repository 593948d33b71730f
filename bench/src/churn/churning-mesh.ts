import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from '@clustermesh/testkit';
import { kindByName } from '@clustermesh/wire';

import type { ObserverAnswers } from '../../floors/observer.ts';
import type { RelayAnswers } from '../../floors/relay.ts';
import { Child } from '../child.ts';
import { KvstoremeshProcess } from '../mirror/kvstoremesh-process.ts';
import { PublishedCluster } from '../mirror/published-cluster.ts';
import { publish } from '../mirror/publish.ts';
import { startEtcd } from '../propagation/etcds.ts';
import type { BenchEtcd } from '../propagation/etcds.ts';
import { parseStalls, stallsSince } from '../restart/stalls.ts';
import { ChurnedCache } from './churned-cache.ts';
import type { ChurnWay } from './churned-cache.ts';
import type { Mirrored } from './churn-figures.ts';
import type { ChurnLoad } from './load.ts';

const remoteCount = 10;
/** What stands beside the addresses that change. */
const size = { addresses: 5_000, identities: 500, services: 100, nodes: 20 };
const floorRoot = 'floor/state/';
const floorCache = 'floor/cache/';
const queuePollMs = 250;
const probe = new URL('../restart/event-loop-probe.ts', import.meta.url).href;

interface Source extends BenchEtcd {
  readonly cluster: PublishedCluster;
}

/** Ten clusters with an etcd each, and one cache that both a bare relay and kvstoremesh write, each its own part. */
export class ChurningMesh {
  readonly floor: ChurnedCache;
  readonly #ours: ChurnedCache;
  readonly #mesh: KvstoremeshProcess;
  readonly #stallFile: string;

  private constructor(floor: ChurnedCache, ours: ChurnedCache, mesh: KvstoremeshProcess, stallFile: string) {
    this.floor = floor;
    this.#ours = ours;
    this.#mesh = mesh;
    this.#stallFile = stallFile;
  }

  static async start(stack: AsyncDisposableStack, signal: AbortSignal): Promise<ChurningMesh> {
    const sources = await startSources(stack, signal);
    const cache = await startEtcd(stack, 'cache');
    const load = stack.use(new Child<ChurnLoad>(new URL('./load.ts', import.meta.url), signal));
    const etcds = sources.map(({ endpoint }) => endpoint);
    await load.ask('open', etcds);
    const floor = await startFloor(stack, { sources, cache, load }, signal);

    const dir = stack.use(await tempDir('bench-churn'));
    const stallFile = join(dir.path, 'stalls');
    const start = { preload: `${probe}?file=${stallFile}` };
    const mesh = stack.use(await KvstoremeshProcess.start(dir.path, cache.clientFile, signal, start));
    await mesh.connect(new Map(sources.map(({ cluster, clientFile }) => [cluster.name, clientFile])));
    await mesh.mirrored(sources.length, signal);
    const cachePrefix = `${kindByName.ip.cacheCanary}/`;
    const ours = await startWay(
      stack,
      { sources, cache, load },
      { cachePrefix, prefixOf: (cluster) => cluster.prefixOf(kindByName.ip) },
      signal,
    );
    return new ChurningMesh(floor, ours, mesh, stallFile);
  }

  async churn(perSecond: number, seconds: number, signal: AbortSignal): Promise<Mirrored> {
    const sinceMs = Date.now();
    const over = new AbortController();
    const longest = this.#longestQueue(over.signal);
    const churned = await this.#ours.churn(perSecond, seconds, signal).finally(() => over.abort());
    const stalls = stallsSince(parseStalls(readFileSync(this.#stallFile, 'utf8')), sinceMs);
    return { ...churned, maxQueue: await longest, stalls };
  }

  async #longestQueue(signal: AbortSignal): Promise<number> {
    let longest = 0;
    while (!signal.aborted) {
      longest = Math.max(longest, await this.#mesh.queued());
      await new Promise((resolve) => setTimeout(resolve, queuePollMs));
    }
    return longest;
  }
}

async function startSources(stack: AsyncDisposableStack, signal: AbortSignal): Promise<readonly Source[]> {
  const sources: Source[] = [];
  for (let id = 1; id <= remoteCount; id++) {
    const cluster = new PublishedCluster(id, size);
    const source = { ...(await startEtcd(stack, cluster.name)), cluster };
    await publish([cluster], source.endpoint, signal);
    sources.push(source);
  }
  return sources;
}

type Parts = Pick<ChurnWay, 'load' | 'relay'> & { readonly sources: readonly Source[]; readonly cache: BenchEtcd };

async function startFloor(stack: AsyncDisposableStack, parts: Parts, signal: AbortSignal): Promise<ChurnedCache> {
  const prefixOf = ({ name }: PublishedCluster): string => `${floorRoot}${name}/`;
  const relay = stack.use(new Child<RelayAnswers>(new URL('../../floors/relay.ts', import.meta.url), signal));
  for (const { cluster, endpoint: source } of parts.sources) {
    const targetPrefix = `${floorCache}${cluster.name}/`;
    await relay.ask('open', { source, sourcePrefix: prefixOf(cluster), target: parts.cache.endpoint, targetPrefix });
  }
  return startWay(stack, { ...parts, relay }, { cachePrefix: floorCache, prefixOf }, signal);
}

async function startWay(
  stack: AsyncDisposableStack,
  { sources, cache, load, relay }: Parts,
  { cachePrefix, prefixOf }: { readonly cachePrefix: string; readonly prefixOf: (cluster: PublishedCluster) => string },
  signal: AbortSignal,
): Promise<ChurnedCache> {
  const observer = stack.use(new Child<ObserverAnswers>(new URL('../../floors/observer.ts', import.meta.url), signal));
  await observer.ask('open', { endpoint: cache.endpoint, prefix: cachePrefix });
  const places = sources.map(
    ({ cluster, endpoint: etcd }) => [cluster.name as string, { etcd, prefix: prefixOf(cluster) }] as const,
  );
  return new ChurnedCache({ load, observer, places: new Map(places), cache: cache.endpoint, cachePrefix, relay });
}
