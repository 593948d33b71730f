import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { freePort, tempDir } from '@clustermesh/testkit';
import type { ClusterName } from '@clustermesh/wire';

import { Child } from '../child.ts';
import type { AgentProgram } from './agent-program.ts';
import type { BenchEtcd } from './etcds.ts';
import { startProgram, until, untilReady } from './programs.ts';
import { west } from './published.ts';

/** The part of cluster west that learns of others: its kvstoremesh and one of its agents. */
export interface Mesh {
  readonly agent: Child<AgentProgram>;
  /** Whether its maps are in the kernel. */
  readonly maps: string;
  /** As `clustermesh connect` would: drops the cluster's file into the folder, and waits until the agent has it all. */
  connect(cluster: ClusterName, etcd: BenchEtcd): Promise<void>;
}

/** `etcd` is west's. */
export async function startMesh(stack: AsyncDisposableStack, etcd: BenchEtcd, signal: AbortSignal): Promise<Mesh> {
  const dir = stack.use(await tempDir('bench-west'));
  const remotes = stack.use(await tempDir('bench-remotes'));
  await writeFile(join(dir.path, 'etcd-config.yaml'), etcd.clientFile);
  const healthPort = await freePort();
  const kvstoremesh = startProgram(stack, 'kvstoremesh/src/main.ts', {
    'cluster-name': west.name,
    'cluster-id': west.id,
    'clustermesh-config': remotes.path,
    'etcd-config': join(dir.path, 'etcd-config.yaml'),
    'enable-heartbeat': 'true',
    'health-host': '127.0.0.1',
    'health-port': healthPort,
    'api-serve-addr': '',
  });
  await untilReady(kvstoremesh, healthPort, signal);

  const agent = stack.use(
    new Child<AgentProgram>(new URL('./agent-program.ts', import.meta.url), signal, { launcher: launcher() }),
  );
  const bpffs = join(dir.path, 'bpf');
  const maps = await agent.ask('open', { etcd: etcd.endpoint, cluster: west.name, id: west.id, bpffs });
  return {
    agent,
    maps,
    connect: async (cluster, remote) => {
      await writeFile(join(remotes.path, cluster), remote.clientFile);
      await until(`told of ${cluster}`, signal, async () => {
        const missing = await agent.ask('missing', { cluster });
        return missing && `${missing}; ${await mirrorState(healthPort, cluster)}`;
      });
    },
  };
}

/** Mounts of its own: the agent's bpffs, with what is pinned there, is gone with the process, however it ends. */
function launcher(): readonly string[] {
  return process.getuid?.() === 0 ? ['unshare', '--mount'] : [];
}

/** What kvstoremesh says of a cluster. */
async function mirrorState(healthPort: number, cluster: ClusterName): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${healthPort}/v1/cluster`);
  const clusters = (await response.json()) as readonly { readonly name: string; readonly status: string }[];
  return `kvstoremesh: ${clusters.find(({ name }) => name === cluster)?.status ?? 'not known'}`;
}
