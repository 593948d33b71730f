import { HttpKubeClient } from '@clustermesh/kube';
import { EtcdKvStore } from '@clustermesh/kvstore';
import { readTlsFiles } from '@clustermesh/pki';
import { AdminServer, Backoff, Health, retryLoop, systemClock, systemRandom } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import { createApiserver } from './apiserver.ts';
import type { ApiserverConfig } from './config.ts';
import { readEtcdConfig } from './etcd-config.ts';
import { ApiserverMetrics } from './metrics.ts';

/** The apiserver with its real edges, until `signal` aborts. */
export async function runApiserver(config: ApiserverConfig, log: Logger, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const [clock, random] = [systemClock, systemRandom];
  const health = new Health(clock);
  const metrics = new ApiserverMetrics(config.cluster.name);
  let notReady = (): string | undefined => 'etcd is not connected';
  const { healthHost: host, healthPort: port } = config;
  stack.use(await AdminServer.listen({ host, port, health, metrics: metrics.registry, notReady: () => notReady() }));
  const kube = stack.use(await HttpKubeClient.inClusterOrKubeconfig(config.kubeconfig));
  const kv = await openEtcd(config, { clock, random, health, log }, signal);
  if (kv === undefined) return;
  stack.use(kv);
  const settings = {
    cluster: config.cluster,
    globalNamespaces: config.clustermeshDefaultGlobalNamespace,
    identityGraceMs: config.identityGracePeriod,
  };
  const apiserver = createApiserver({ kube, kv, config: settings, clock, random, log, health, metrics });
  notReady = () => apiserver.notReady();
  await apiserver.run(signal);
}

type OpenDeps = Pick<Parameters<typeof createApiserver>[0], 'clock' | 'random' | 'health' | 'log'>;

/** etcd starts beside us and may come later; undefined on abort. Files are read anew for each attempt. */
async function openEtcd(
  { etcdConfig, kvstoreLeaseTtl }: ApiserverConfig,
  deps: OpenDeps,
  signal: AbortSignal,
): Promise<EtcdKvStore | undefined> {
  let opened: EtcdKvStore | undefined;
  const open = async (inner: AbortSignal): Promise<void> => {
    const { endpoints, tls } = await readEtcdConfig(etcdConfig);
    const credentials = tls && (await readTlsFiles(tls));
    const options = { endpoints, tls: credentials, session: true, leaseTtlSeconds: Math.ceil(kvstoreLeaseTtl / 1_000) };
    opened = await EtcdKvStore.open(options, deps, inner);
  };
  const backoff = new Backoff({ baseMs: 200, capMs: 5_000, random: deps.random });
  await retryLoop(
    async (inner, progressed) => {
      await open(inner);
      progressed();
    },
    { ...deps, name: 'etcd', backoff },
    signal,
  );
  return opened;
}
