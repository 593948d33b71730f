import { setTimeout as sleep } from 'node:timers/promises';

import { tempDir } from '@clustermesh/testkit';
import { canaryKey } from '@clustermesh/wire';

import type { Bench } from '../bench.ts';
import { ForeignLoad } from '../foreign-load.ts';
import { startEtcd } from '../propagation/etcds.ts';
import type { BenchEtcd } from '../propagation/etcds.ts';
import { until } from '../propagation/programs.ts';
import { etcdTarget } from './etcd-target.ts';
import { KvstoremeshProcess } from './kvstoremesh-process.ts';
import type { TargetKind, TargetWatcher } from './mirror-target.ts';
import { mirrorFigures, renderMirrorRounds } from './mirror-rounds.ts';
import type { Copied, Mirrored, MirrorRound } from './mirror-rounds.ts';
import { PublishedCluster } from './published-cluster.ts';
import { publish } from './publish.ts';

/** Of a large mesh: together 500,000 addresses, 10,000 identities, 2,000 services, 500 nodes. */
const remoteCount = 10;
const size = { addresses: 50_000, identities: 1_000, services: 200, nodes: 50 };
/** After everything is there: what a process writes late would be written by then. */
const calmMs = 2_000;
const firstSyncMs = 300_000;
const syncedPrefix = 'cilium/synced/';

interface Source extends BenchEtcd {
  readonly cluster: PublishedCluster;
}

interface MirrorUnderTest {
  readonly process: KvstoremeshProcess;
  readonly watcher: TargetWatcher;
}

/** How long until an empty cache holds all of ten clusters; then all connections are lost, and nothing has changed. */
export const mirror = mirrorInto(etcdTarget);

export function mirrorInto(kind: TargetKind): Bench {
  return {
    effort: { rounds: 3, seconds: 1 },
    run: async ({ effort, signal, say }) => {
      await using stack = new AsyncDisposableStack();
      const sources: Source[] = [];
      for (let id = 1; id <= remoteCount; id++) {
        const cluster = new PublishedCluster(id, size);
        const source = { ...(await startEtcd(stack, cluster.name)), cluster };
        await publish([source.cluster], source.endpoint, signal);
        sources.push(source);
      }
      const keys = keysOf(sources);
      say(`${remoteCount} clusters, ${keys} keys, etcds with TLS and without fsync, into ${kind.description}`);
      const rounds: MirrorRound[] = [];
      for (let round = 1; round <= effort.rounds; round++) {
        const others = new ForeignLoad();
        say(`round ${round} of ${effort.rounds}`);
        const floor = await copyBarely(kind, sources, signal);
        const ours = await mirrorOnce(kind, sources, signal);
        rounds.push({ floor, ours, foreignLoad: others.since() });
      }
      say(renderMirrorRounds(rounds));
      return mirrorFigures(rounds);
    },
  };
}

function keysOf(sources: readonly Source[]): number {
  return sources.length * Object.values(size).reduce((sum, count) => sum + count, 0);
}

async function copyBarely(kind: TargetKind, sources: readonly Source[], signal: AbortSignal): Promise<Copied> {
  await using stack = new AsyncDisposableStack();
  const target = await kind.start(stack, signal);
  const routes = sources.map(({ endpoint, cluster }) => ({ source: endpoint, renames: cluster.renames }));
  const startMs = performance.now();
  const keys = await target.copyBarely(routes);
  const seconds = (performance.now() - startMs) / 1_000;
  if (keys !== keysOf(sources)) throw new Error(`the floor copied ${keys} keys, not ${keysOf(sources)}`);
  return { keys, seconds };
}

async function mirrorOnce(kind: TargetKind, sources: readonly Source[], signal: AbortSignal): Promise<Mirrored> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir('bench-mirror'));
  const { watcher, clientFile, flags } = await kind.start(stack, signal);
  const process = stack.use(await KvstoremeshProcess.start(dir.path, clientFile, signal, { flags }));

  const before = process.use();
  const startMs = performance.now();
  await process.connect(new Map(sources.map(({ cluster, clientFile }) => [cluster.name, clientFile])));
  await untilAnnounced(sources, watcher, signal);
  const seconds = (performance.now() - startMs) / 1_000;
  const after = process.use();

  const keys = await watcher.count('cilium/cache/');
  if (keys !== keysOf(sources)) throw new Error(`the cache has ${keys} keys, not ${keysOf(sources)}`);
  await sleep(calmMs);
  const reconnect = await loseConnections(sources, { process, watcher }, signal);
  const { rssMib, peakRssMib } = process.use();
  const use = { rssMib, peakRssMib, cpuMs: after.cpuMs - before.cpuMs, readBytes: after.readBytes - before.readBytes };
  return { keys, seconds, ...use, ...reconnect };
}

async function untilAnnounced(sources: readonly Source[], watcher: TargetWatcher, signal: AbortSignal): Promise<void> {
  const wanted = new Set(
    sources.flatMap(({ cluster }) => cluster.kinds.map(({ cacheCanary }) => canaryKey(cluster.name, cacheCanary))),
  );
  const missing = async (): Promise<string | undefined> => {
    for (const key of await watcher.keys(syncedPrefix)) wanted.delete(key);
    return wanted.values().next().value;
  };
  await until('mirrored', signal, missing, { pollMs: 50, deadlineMs: firstSyncMs });
}

/** Every source is started again with what it had. */
async function loseConnections(
  sources: readonly Source[],
  { process, watcher }: MirrorUnderTest,
  signal: AbortSignal,
): Promise<Pick<Mirrored, 'reconnectWrites' | 'reconnectReadBytes'>> {
  // Not freshness, which is written because time goes by.
  await watcher.follow(['cilium/cache/', 'cilium/cluster-config/', syncedPrefix]);
  const failures = await process.failures();
  const before = process.use().readBytes;
  for (const { etcd } of sources) await etcd.restart();
  await process.reconnected(failures, signal);
  await sleep(calmMs);
  return {
    reconnectWrites: (await watcher.take()).length,
    reconnectReadBytes: process.use().readBytes - before,
  };
}
