/**
 * A node of its own, as in ../restart/node.ts: its stores, and one agent after the other. We are the first process of a
 * PID namespace, and have a network and mounts of our own: all of it ends with this process, however that ends.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { HttpKubeClient } from '@clustermesh/kube';
import { EtcdKvStore } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { freePort, tempDir } from '@clustermesh/testkit';
import { kindByName, parseIp } from '@clustermesh/wire';

import type { AgentFloor, Applied } from '../../floors/agent.ts';
import { serve } from '../../floors/serve.ts';
import { Child } from '../child.ts';
import { etcdOptions } from '../etcd-options.ts';
import { startKubeApi } from '../propagation/api-cluster.ts';
import { startEtcd } from '../propagation/etcds.ts';
import type { BenchEtcd } from '../propagation/etcds.ts';
import { AgentProcess } from '../restart/agent-process.ts';
import { createServices, quietState } from '../restart/local-cluster.ts';
import { mountServiceAccount } from '../restart/service-account.ts';
import { AddressMap } from './address-map.ts';
import { CachedMember } from './cached-member.ts';
import type { Filler } from './filler.ts';
import {
  home,
  localBackends,
  localServices,
  mapSizes,
  memberSize,
  samplesPerMember,
  slicesMember,
} from './mesh-size.ts';
import type { MeshSize } from './mesh-size.ts';
import { OneOfMany } from './one-of-many.ts';
import type { OneOfManyCosts } from './one-of-many.ts';
import { ProcessorTime } from './processor-time.ts';
import { etcdFlags } from './put-transaction.ts';

export interface NodePlace {
  readonly mesh: MeshSize;
  readonly cgroup: string;
  /** A directory for all that is written; gone with us. */
  readonly files: string;
}

export interface Filled {
  readonly keys: number;
  readonly seconds: number;
}

export interface AgentRun {
  readonly addresses: number;
  /** From its first line of log until the last address was in its map. */
  readonly seconds: number;
  readonly cpuMs: number;
  readonly rssMib: number;
  readonly peakRssMib: number;
  readonly maxStallMs: number;
  readonly maxStallCpuMs: number;
  /** Once all was there. */
  readonly calmStallMs: number;
}

/** After everything is there: what is released late is released by then, and what comes once in a while has come. */
const calmMs = 12_000;
const lookMs = 50;
const syncDeadlineMs = 900_000;

/** Never unwound: it ends with us. */
const stack = new AsyncDisposableStack();
const { signal } = new AbortController();
let cache: BenchEtcd | undefined;
let place: NodePlace | undefined;
let agent: { readonly process: AgentProcess; readonly dir: string } | undefined;
let runs = 0;

const answers = {
  /** Stores with all that there is to know. */
  setUp: async (given: NodePlace): Promise<Filled> => {
    place = given;
    process.env['TMPDIR'] = given.files;
    process.on('exit', () => rmSync(given.files, { recursive: true, force: true, maxRetries: 3 }));
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    const etcd = await startEtcd(stack, 'cache', etcdFlags);
    cache = etcd;
    const kubeDir = stack.use(await tempDir('bench-kube'));
    mountServiceAccount(await startKubeApi(stack, kubeDir.path));
    using kube = await HttpKubeClient.inClusterOrKubeconfig();
    await createServices(kube, localServices, localBackends);
    await OneOfMany.createService(kube);
    await using store = await EtcdKvStore.open(
      { ...etcdOptions(etcd.endpoint), session: false },
      { clock, random, log },
      signal,
    );
    await store.commit(quietState(clock.now(), home), signal);
    await using filler = new Child<Filler>(new URL('./filler.ts', import.meta.url), signal);
    const startMs = performance.now();
    const order = { etcd: etcd.endpoint, members: given.mesh.members, size: memberSize, slices: slicesMember };
    const keys = await filler.ask('fill', order);
    return { keys, seconds: (performance.now() - startMs) / 1_000 };
  },

  floor: async (): Promise<Applied> => {
    const { mesh, etcd } = setUp();
    await using floor = new Child<AgentFloor>(new URL('../../floors/agent.ts', import.meta.url), signal);
    const members = membersOf(mesh);
    const prefixes = members.flatMap((member) => member.kinds.map((kind) => kind.cachePrefix(member.name)));
    const addresses = members.map(({ name }) => kindByName.ip.cachePrefix(name));
    return await floor.ask('run', { etcd: etcd.endpoint, prefixes, addresses, maxEntries: mapSizes.addresses });
  },

  /** A new agent, whose maps are empty. */
  ours: async (): Promise<AgentRun> => {
    const { mesh, etcd, cgroup } = setUp();
    await endAgent();
    const dir = stack.use(await tempDir(`bench-agent-${runs++}`)).path;
    const etcdConfig = join(dir, 'etcd-config.yaml');
    await writeFile(etcdConfig, etcd.clientFile);
    const place = { dir, etcdConfig, cgroup, healthPort: await freePort(), flags: agentFlags };
    const process = new AgentProcess(place, runs);
    agent = { process, dir };
    using map = await AddressMap.open(join(dir, 'bpf', 'maps', 'ipc_host'), process, signal);
    // Its log is long: of the first line nothing is left at the end.
    const startMs = process.mainMs();
    await map.untilComplete(samplesOf(mesh), mesh.members * memberSize.addresses, {
      lookMs,
      deadlineMs: syncDeadlineMs,
    });
    const endMs = Date.now();
    const cpuMs = new ProcessorTime(process.pid).ms();
    await process.ready(signal);
    const { maxStallMs, maxStallCpuMs } = process.figures();
    await sleep(calmMs);
    const { rssMib, peakRssMib } = process.figures();
    const calmStallMs = Math.max(0, ...process.stalls().flatMap((stall) => (stall.endMs > endMs ? stall.ms : [])));
    const seconds = (endMs - startMs) / 1_000;
    const addresses = mesh.members * memberSize.addresses;
    return { addresses, seconds, cpuMs, rssMib, peakRssMib, maxStallMs, maxStallCpuMs, calmStallMs };
  },

  /** With the agent that has everything. */
  oneOfMany: async (): Promise<OneOfManyCosts> => {
    if (agent === undefined) throw new Error('there is no agent yet');
    await using many = await OneOfMany.open({ ...agent, etcd: setUp().etcd, signal });
    return await many.measure();
  },
};

export type BenchNode = typeof answers;

const agentFlags = {
  'cluster-name': home.name,
  'cluster-id': home.id,
  'clustermesh-sync-timeout': '30m',
  'bpf-ipcache-map-max': mapSizes.addresses,
  'bpf-node-map-max': mapSizes.nodes,
};

function setUp(): NodePlace & { readonly etcd: BenchEtcd } {
  if (place === undefined || cache === undefined) throw new Error('the node is not set up');
  return { ...place, etcd: cache };
}

function membersOf({ members }: MeshSize): readonly CachedMember[] {
  return [
    ...Array.from({ length: members }, (_, index) => new CachedMember(index + 1, memberSize)),
    new CachedMember(slicesMember.id, slicesMember.size, { slices: true }),
  ];
}

/** Of each cluster some addresses, the last one among them. */
function samplesOf(mesh: MeshSize): readonly Uint8Array[] {
  return membersOf(mesh).flatMap((member) => {
    const { addresses } = member.size;
    return Array.from({ length: samplesPerMember }, (_, at) => {
      const pod = Math.floor(((at + 1) * addresses) / samplesPerMember) - 1;
      return parseIp(member.podIp(pod)) ?? new Uint8Array(16);
    });
  });
}

/** With its pins, and so with what they keep. */
async function endAgent(): Promise<void> {
  if (agent === undefined) return;
  await agent.process.kill();
  execFileSync('umount', [join(agent.dir, 'bpf')]);
  agent = undefined;
}

serve(answers);
