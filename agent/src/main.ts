import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HttpKubeClient } from '@clustermesh/kube';
import { connectEtcd, connectEtcdByFile, explainEtcdFailure } from '@clustermesh/kvstore';
import { ClustersDir } from '@clustermesh/remote';
import { AdminServer, Health, createLogger, runMain } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';
import { systemClock as clock, systemRandom as random } from '@clustermesh/runtime';

import { createAgent } from './agent.ts';
import type { AgentDeps } from './agent.ts';
import { agentConfig, loadConfig } from './config.ts';
import type { AgentConfig } from './config.ts';
import { removeDatapath } from './datapath/kernel/remove-datapath.ts';
import { openDatapath } from './datapath/open-datapath.ts';
import { LazyStore } from './stores/lazy-store.ts';
import type { LazyStoreOptions } from './stores/lazy-store.ts';
import { openRedisCache } from './stores/redis-cache.ts';
import { packageVersion } from './package-version.ts';
import type { Probing } from './probe/node-probe.ts';
import { ProbeSocket } from './probe/probe-socket.ts';
import type { DatapathMode } from './status/agent-status.ts';
import { StatusServer } from './status-server.ts';

const argv = process.argv.slice(2);
if (argv.includes('--help')) {
  process.stdout.write(
    `${agentConfig.help('Usage: clustermesh-agent --cluster-name NAME --cluster-id ID [options]')}\n`,
  );
} else {
  await runMain(createLogger('clustermesh-agent'), (signal) => main(signal));
}

async function main(signal: AbortSignal): Promise<void> {
  const config = loadConfig({ argv });
  if (config.cleanup) {
    await removeDatapath(config, signal);
    return;
  }
  await runAgent(config, signal);
}

/** What is in the kernel outlives this process (I7); `--cleanup` removes it. Steps that take long have a turn each. */
async function runAgent(config: AgentConfig, signal: AbortSignal): Promise<void> {
  const { settings, nodeAddresses: _, redis, ...shown } = config;
  const log = createLogger('clustermesh-agent', config.logLevel);
  log.info({ config: { ...shown, cache: redis?.description ?? config.cache } }, 'starting');
  const health = new Health(clock);
  const deps = { clock, random, log, health };

  await using stack = new AsyncDisposableStack();
  const datapath = stack.use(await openDatapath(config, log, signal));
  const kube = stack.use(await HttpKubeClient.inClusterOrKubeconfig(config.kubeconfig));
  const stores = storesOf(config, deps, stack, signal);
  await nextTurn();
  const agent = createAgent({
    ...deps,
    ...stores,
    links: linksOf(config, deps),
    kube,
    maps: datapath.maps,
    devices: datapath.devices,
    sockets: datapath.sockets,
    counters: datapath.counters,
    flowSource: datapath.flowSource,
    useMaps: datapath.useMaps,
    probing: probingOf(config, datapath.mode, log, stack),
    config: { ...settings, mode: datapath.mode, version: packageVersion() },
  });
  mkdirSync(dirname(config.statusSocket), { recursive: true });
  await nextTurn();
  stack.use(await StatusServer.listen(config.statusSocket, agent));
  stack.use(
    await AdminServer.listen({
      host: config.healthHost,
      port: config.healthPort,
      health,
      metrics: agent.metrics.registry,
      notReady: () => agent.notReady(),
      routes: { '/v1/status': () => agent.status() },
    }),
  );
  await nextTurn();
  await agent.run(signal);
}

/** The own cluster's etcd, which holds the cache unless a Redis does. */
function storesOf(
  { cacheConfig, redis, clusterName }: AgentConfig,
  deps: Pick<AgentDeps, 'clock' | 'random' | 'log'>,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Pick<AgentDeps, 'cache' | 'own'> {
  const lazy = (open: LazyStoreOptions['open']): LazyStore => stack.use(new LazyStore({ open, clock }));
  const own = lazy(() => connectEtcdByFile(cacheConfig, { session: false }, deps, signal));
  if (redis === undefined) return { cache: own };
  return { own, cache: lazy(() => openRedisCache(redis, clusterName, deps, signal)) };
}

/** Without a folder of its own an agent reads other clusters from its own cluster's cache. */
function linksOf(
  { clustermeshConfig: path, contactInterval, heartbeatInterval }: AgentConfig,
  deps: Pick<AgentDeps, 'clock' | 'random' | 'log' | 'health'>,
): AgentDeps['links'] {
  if (path === '') return undefined;
  return {
    contactIntervalMs: contactInterval,
    heartbeatIntervalMs: heartbeatInterval,
    clusters: new ClustersDir(path, { ...deps, health: deps.health.scope('clusters') }),
    connect: (remote, signal) => connectEtcd(remote, { session: false }, deps, signal),
    explain: (remote, error, signal) => explainEtcdFailure(remote, error, deps, signal),
  };
}

/** Only programs answer probes, and only where they are does an answer arrive. */
function probingOf(
  { nodeProbeInterval: intervalMs, nodeAddresses, tunnelPort }: AgentConfig,
  { mode }: DatapathMode,
  log: Logger,
  stack: AsyncDisposableStack,
): Probing | undefined {
  if (intervalMs === 0 || mode === 'memory') return undefined;
  return { sender: stack.use(new ProbeSocket({ nodeAddresses, tunnelPort, log })), intervalMs };
}
