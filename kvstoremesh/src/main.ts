import { isDeepStrictEqual } from 'node:util';

import { Heartbeat, SharedEtcd, explainEtcdFailure } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { ClustersDir } from '@clustermesh/remote';
import {
  AdminServer,
  Health,
  ProfileServer,
  createLogger,
  every,
  profileAddress,
  runAll,
  runMain,
} from '@clustermesh/runtime';
import { systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import type { JobDeps, Logger, ServeAddress } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import { cacheStatus, etcdCache, redisCache } from './cache/cache.ts';
import type { Cache, CacheDeps } from './cache/cache.ts';
import { CacheClaim } from './cache/cache-claim.ts';
import { kvstoremeshConfig, loadConfig } from './config.ts';
import type { KvstoremeshConfig } from './config.ts';
import { createKvstoremesh } from './kvstoremesh.ts';
import type { Kvstoremesh } from './kvstoremesh.ts';
import { Leadership, openLock } from './leadership.ts';
import type { LimitSettings } from './limits/remote-limits.ts';
import { createMetrics } from './metrics.ts';

const limitsPollMs = 10_000;
const readinessPollMs = 1_000;
// A small buffer that lives on (the request of a watch, a canary) keeps all of the pool that it was cut from: of Node's 64 KiB,
// that is tens of MiB with hundreds of clusters.
Buffer.poolSize = 8 * 1_024;
// Cilium's program of two has a word before the settings.
const argv = process.argv.slice(process.argv[2] === 'kvstoremesh' ? 3 : 2);
if (argv.includes('--help')) {
  process.stdout.write(
    `${kvstoremeshConfig.help('Usage: kvstoremesh --cluster-name NAME --cluster-id ID [options]')}\n`,
  );
} else {
  await runMain(createLogger('kvstoremesh'), (signal) => main(signal));
}

async function main(signal: AbortSignal): Promise<void> {
  const { settings, ...config } = loadConfig({ argv });
  const log = createLogger('kvstoremesh', config.logLevel);
  const { redis, ...shown } = config;
  log.info({ config: { ...shown, cache: redis?.description ?? config.cache } }, 'starting');
  for (const { flag, description } of kvstoremeshConfig.inert({ argv })) {
    log.info({ setting: `--${flag}`, reason: description }, 'setting without effect');
  }
  const health = new Health(clock);
  const deps = { clock, random, log, health };
  const cache = cacheOf(config, deps);
  let mesh: Kvstoremesh | undefined = undefined;
  let leadership: Leadership | undefined = undefined;
  let claim: CacheClaim | undefined = undefined;

  await using stack = new AsyncDisposableStack();
  const notReady = (): string | undefined => leadership?.notReady(() => claim?.problem ?? mesh?.notReady());
  const isLeader = (): boolean => leadership?.isLeader === true;
  const { registry, stores } = createMetrics({
    ...{ mesh: () => mesh, isLeader, clock },
    cache: () => cacheStatus(cache, health),
  });
  const answers = {
    health,
    metrics: registry,
    notReady: () => (mesh === undefined ? `waiting for the cache at ${cache.address}` : notReady()),
    routes: { '/v1/cluster': () => mesh?.status() ?? [], '/v1/cache': () => cacheStatus(cache, health) },
  };
  for (const address of listenAddresses(config)) stack.use(await AdminServer.listen({ ...address, ...answers }));
  const profiles = profileAddress(config);
  if (profiles !== undefined) stack.use(await ProfileServer.listen(profiles, clock));
  const store = await cache.open(Math.round(config.kvstoreLeaseTtl / 1000), signal);
  if (store === undefined) return;
  stack.use(store);
  const isElected = config.leaderElection === 'auto' ? await cache.isShared() : config.leaderElection === 'true';
  const electing = { ...deps, cluster: config.clusterName };
  leadership = new Leadership(isElected ? await openLock(cache, electing, stack, signal) : undefined, clock);
  const local = stores.writing(leadership.guard(store));
  if (cache.store === 'redis') {
    claim = new CacheClaim({ ...deps, kv: local, address: cache.address, cluster: config.clusterName });
  }
  const remotes = new SharedEtcd({ session: false, tuning: config.etcdTuning }, deps);
  mesh = createKvstoremesh({
    ...deps,
    local,
    connect: async (remote, both) => stores.following(await remotes.connect(remote, both)),
    onHeartbeatMissed: () => stores.heartbeatMissed(),
    explain: (remote, error, both) => explainEtcdFailure(remote, error, deps, both),
    clusters: new ClustersDir(config.clustermeshConfig, { clock, log, health: health.scope('clusters') }),
    config: { ...settings, writeRate: config.writeRate },
  });
  const jobs = [
    leadership.run.bind(leadership),
    (both: AbortSignal) => mirror(mesh, { leadership, claim }, both),
    (both: AbortSignal) => every(readinessPollMs, async () => void notReady(), { ...deps, name: 'readiness' }, both),
    (both: AbortSignal) => followLimits(mesh, settings.limits, deps, both),
    ...(config.enableHeartbeat ? [heartbeat(local, log)] : []),
  ];
  await runAll(jobs, signal);
}

/** Where it is asked: /readyz and all else at each of them. */
function listenAddresses({
  healthHost,
  healthPort,
  apiServeAddr,
  prometheusServeAddr,
}: Omit<KvstoremeshConfig, 'settings'>): readonly ServeAddress[] {
  const more = [apiServeAddr, prometheusServeAddr].filter((address) => address !== undefined);
  return [{ host: healthHost, port: healthPort }, ...more];
}

function cacheOf(
  { redis, etcd: at, etcdAuth, etcdTuning: tuning }: Omit<KvstoremeshConfig, 'settings'>,
  deps: CacheDeps,
): Cache {
  return redis === undefined
    ? etcdCache({ at, needsAuth: etcdAuth === 'required', tuning }, deps)
    : redisCache(redis, deps);
}

/** Only who leads may mirror, and only into a cache that is this cluster's. */
async function mirror(
  mesh: Kvstoremesh,
  { leadership, claim }: { readonly leadership: Leadership; readonly claim: CacheClaim | undefined },
  signal: AbortSignal,
): Promise<void> {
  await leadership.held(signal);
  const run = async (both: AbortSignal): Promise<void> => {
    await claim?.held(both);
    await mesh.run(both);
  };
  await runAll([run, ...(claim === undefined ? [] : [claim.run.bind(claim)])], signal);
}

/** Limits that are changed in the file of --config hold without a restart; other settings wait for one. */
async function followLimits(
  mesh: Pick<Kvstoremesh, 'setLimits'>,
  initial: LimitSettings,
  deps: JobDeps,
  signal: AbortSignal,
): Promise<void> {
  let current = initial;
  const reread = async (): Promise<void> => {
    const { limits } = loadConfig({ argv }).settings;
    if (isDeepStrictEqual(limits, current)) return;
    current = limits;
    deps.log.info({ limits }, 'limits of remote clusters have changed');
    mesh.setLimits(limits);
  };
  await every(limitsPollMs, reread, { ...deps, name: 'limits' }, signal);
}

function heartbeat(writer: KvStore, log: Logger): (signal: AbortSignal) => Promise<void> {
  const value = (nowMs: number): Uint8Array => Buffer.from(rfc3339(nowMs));
  const beat = new Heartbeat({ key: heartbeatKey, value }, { writer, clock, log });
  return (signal) => beat.run(signal);
}
