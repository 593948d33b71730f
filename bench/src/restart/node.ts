/**
 * A node of its own: its stores, its agent, its traffic. We are the first process of a PID namespace, and have a network and
 * mounts of our own: all of it ends with this process, however that ends.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { HttpKubeClient } from '@clustermesh/kube';
import { EtcdKvStore } from '@clustermesh/kvstore';
import type { KvOp } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { freePort, tempDir } from '@clustermesh/testkit';

import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';
import { Child } from '../child.ts';
import { etcdOptions } from '../etcd-options.ts';
import { startKubeApi } from '../propagation/api-cluster.ts';
import { startEtcd } from '../propagation/etcds.ts';
import { AgentProcess } from './agent-process.ts';
import type { AgentFigures, AgentPlace, AgentStart } from './agent-process.ts';
import type { Backends } from './backends.ts';
import { createServices, quietState } from './local-cluster.ts';
import { cachedCluster } from './remote-cluster.ts';
import { mountServiceAccount } from './service-account.ts';
import type { Connects, Traffic } from './traffic.ts';

export interface NodeSize {
  readonly services: number;
  /** Of each service, in this cluster and in the other one. */
  readonly localBackends: number;
  readonly remoteBackends: number;
  /** Of pods of the other cluster. */
  readonly addresses: number;
}

export interface NodePlace {
  readonly size: NodeSize;
  readonly cgroup: string;
  /** A directory for all that is written; gone with us. */
  readonly files: string;
}

/** Never unwound: it ends with us. */
const stack = new AsyncDisposableStack();

const { signal } = new AbortController();
let place: AgentPlace | undefined;
let agent: AgentProcess | undefined;
let traffic: Child<Traffic> | undefined;
let starts = 0;

const answers = {
  /** Stores with all that there is to know, and a first agent that has it all in its maps. */
  setUp: async ({ size, cgroup, files }: NodePlace): Promise<AgentStart> => {
    process.env['TMPDIR'] = files;
    process.on('exit', () => rmSync(files, { recursive: true, force: true, maxRetries: 3 }));
    setUpNetwork();
    const dir = stack.use(await tempDir('bench-node'));
    const etcd = await startEtcd(stack, 'west');
    const etcdConfig = join(dir.path, 'etcd-config.yaml');
    await writeFile(etcdConfig, etcd.clientFile);
    const kubeDir = stack.use(await tempDir('bench-kube'));
    const api = await startKubeApi(stack, kubeDir.path);
    mountServiceAccount(api);
    using kube = await HttpKubeClient.inClusterOrKubeconfig();
    await Promise.all([fillEtcd(etcd.endpoint, size), createServices(kube, size.services, size.localBackends)]);
    const backends = stack.use(new Child<Backends>(new URL('./backends.ts', import.meta.url), signal));
    await backends.ask('listen');
    place = { dir: dir.path, etcdConfig, cgroup, healthPort: await freePort() };
    return await startAgent();
  },

  startTraffic: async ({ size, cgroup }: Omit<NodePlace, 'files'>): Promise<void> => {
    traffic = stack.use(new Child<Traffic>(new URL('./traffic.ts', import.meta.url), signal));
    await traffic.ask('start', { cgroup, services: size.services });
  },

  /** The agent is killed, and started again after a while without one. */
  restart: async ({ gapMs }: { readonly gapMs: number }): Promise<AgentStart> => {
    await agent?.kill();
    await new Promise((resolve) => setTimeout(resolve, gapMs));
    return await startAgent();
  },

  figures: (): AgentFigures | undefined => agent?.figures(),

  connects: async (): Promise<Connects | undefined> => await traffic?.ask('take'),
};

export type BenchNode = typeof answers;

async function startAgent(): Promise<AgentStart> {
  if (place === undefined) throw new Error('the node is not set up');
  agent = new AgentProcess(place, starts++);
  return await agent.ready(signal);
}

/** Every address of a pod is this node's own: what a service is translated to is answered here. */
function setUpNetwork(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  for (const pods of ['10.1.0.0/16', '10.2.0.0/15']) execFileSync('ip', ['route', 'add', 'local', pods, 'dev', 'lo']);
}

const opsAtATime = 4_096;

async function fillEtcd(etcd: Endpoint, { addresses, services, remoteBackends }: NodeSize): Promise<void> {
  await using store = await EtcdKvStore.open({ ...etcdOptions(etcd), session: false }, { clock, random, log }, signal);
  await store.commit(quietState(clock.now()), signal);
  let ops: KvOp[] = [];
  for (const op of cachedCluster({ addresses, services, backends: remoteBackends }, clock.now())) {
    if (ops.push(op) < opsAtATime) continue;
    await store.commit(ops, signal);
    ops = [];
  }
  await store.commit(ops, signal);
}

serve(answers);
