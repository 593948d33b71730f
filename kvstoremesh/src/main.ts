import { isDeepStrictEqual } from 'node:util';

import { Heartbeat, connectEtcd, connectEtcdEventually, explainEtcdFailure } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { ClustersDir } from '@clustermesh/remote';
import { AdminServer, Health, createLogger, every, runAll, runMain } from '@clustermesh/runtime';
import { systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import type { JobDeps, Logger } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import { kvstoremeshConfig, loadConfig } from './config.ts';
import { createKvstoremesh } from './kvstoremesh.ts';
import type { Kvstoremesh } from './kvstoremesh.ts';
import type { LimitSettings } from './limits/remote-limits.ts';
import { createMetrics } from './metrics.ts';

const limitsPollMs = 10_000;
const argv = process.argv.slice(2);
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
  log.info({ config }, 'starting');
  const health = new Health(clock);
  const deps = { clock, random, log, health };
  let mesh: Kvstoremesh | undefined = undefined;

  await using stack = new AsyncDisposableStack();
  stack.use(
    await AdminServer.listen({
      host: config.healthHost,
      port: config.healthPort,
      health,
      metrics: createMetrics(() => mesh),
      notReady: () => (mesh === undefined ? 'waiting for the local etcd' : mesh.notReady()),
      routes: { '/v1/cluster': () => mesh?.status() ?? [] },
    }),
  );
  const use = {
    session: true,
    leaseTtlSeconds: Math.round(config.kvstoreLeaseTtl / 1000),
    // Setting it up is the apiserver's part; nothing is written until then.
    whenAuthIsOff: config.etcdAuth === 'required' ? () => Promise.resolve() : undefined,
  } as const;
  const local = await connectEtcdEventually(config.etcdConfig, use, deps, signal);
  if (local === undefined) return;
  stack.use(local);
  mesh = createKvstoremesh({
    ...deps,
    local,
    connect: (remote, both) => connectEtcd(remote, { session: false }, deps, both),
    explain: (remote, error, both) => explainEtcdFailure(remote, error, deps, both),
    clusters: new ClustersDir(config.clustermeshConfig, { clock, log, health: health.scope('clusters') }),
    config: settings,
  });
  const jobs = [
    mesh.run.bind(mesh),
    (both: AbortSignal) => followLimits(mesh, settings.limits, deps, both),
    ...(config.enableHeartbeat ? [heartbeat(local, log)] : []),
  ];
  await runAll(jobs, signal);
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
