import { readFile } from 'node:fs/promises';

import { HttpKubeClient } from '@clustermesh/kube';
import { connectEtcdEventually } from '@clustermesh/kvstore';
import type { EtcdAuth } from '@clustermesh/kvstore';
import {
  AdminServer,
  Health,
  ProfileServer,
  profileAddress,
  runAll,
  systemClock,
  systemRandom,
} from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import { createApiserver } from './apiserver.ts';
import type { ApiserverConfig } from './config.ts';
import { setUpRoles } from './etcdinit/roles.ts';
import { ApiserverMetrics } from './metrics.ts';
import type { ApiserverSettings } from './settings.ts';
import { ClusterUsers } from './users/cluster-users.ts';

/** The apiserver with its real edges, until `signal` aborts. */
export async function runApiserver(config: ApiserverConfig, log: Logger, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const [clock, random] = [systemClock, systemRandom];
  const health = new Health(clock);
  const metrics = new ApiserverMetrics(config.cluster.name);
  let notReady = (): string | undefined => 'etcd is not connected';
  const { healthHost: host, healthPort: port, prometheusServeAddr: prometheus } = config;
  const answers = { health, metrics: metrics.registry, notReady: () => notReady() };
  stack.use(await AdminServer.listen({ host, port, ...answers }));
  if (prometheus !== undefined) stack.use(await AdminServer.listen({ ...prometheus, ...answers }));
  const profiles = profileAddress(config);
  if (profiles !== undefined) stack.use(await ProfileServer.listen(profiles, clock));
  const kube = stack.use(await HttpKubeClient.inClusterOrKubeconfig(config.kube.kubeconfig, config.kube));
  const setUpAgain = async (auth: EtcdAuth, inner: AbortSignal): Promise<void> => {
    log.warn({}, 'etcd authorisation is off, users and roles are set up again');
    await setUpRoles(auth, config.cluster.name, inner);
  };
  const use = {
    session: true,
    leaseTtlSeconds: Math.ceil(config.kvstoreLeaseTtl / 1_000),
    whenAuthIsOff: config.etcdAuth === 'required' ? setUpAgain : undefined,
    tuning: config.etcdTuning,
  } as const;
  const kv = await connectEtcdEventually(config.etcd, use, { clock, random, health, log }, signal);
  if (kv === undefined) return;
  stack.use(kv);
  const settings: ApiserverSettings = {
    cluster: config.cluster,
    source: config.source === 'cilium' && config.enableCiliumEndpointSlice ? 'cilium-endpoint-slices' : config.source,
    exported: { endpointSlices: config.endpointslicesExport, serviceExports: config.clustermeshEnableMcsApi },
    leaderElection: config.leaderElection,
    writeRate: config.writeRate,
    kubeWatchIdleMs: config.kubeWatchIdleTimeout,
    globalNamespaces: config.clustermeshDefaultGlobalNamespace,
    heartbeatMs: config.heartbeatInterval,
    serviceProxyName: config.k8sServiceProxyName,
    identityGraceMs: config.identityGracePeriod,
  };
  const apiserver = createApiserver({ kube, kv, config: settings, clock, random, log, health, metrics });
  notReady = () => apiserver.notReady();
  const read = (): Promise<string> => readFile(config.clusterUsersConfigPath, 'utf8');
  const users = new ClusterUsers({ cluster: config.cluster.name, auth: kv.auth, read, clock, health, log });
  const jobs = config.clusterUsersEnabled ? [apiserver, users] : [apiserver];
  await runAll(
    jobs.map((job) => (inner: AbortSignal) => job.run(inner)),
    signal,
  );
}
