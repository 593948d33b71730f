import { spawn } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { pods } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import type { Lab, LabProgram } from '@clustermesh/lab';
import { MeshError, systemClock } from '@clustermesh/runtime';

import { startProbeProcess } from './probe-process.ts';
import { probeArguments } from './provider.ts';
import type { CommandResult, Cut, Kill, Need, PodRef, Probe, Provider, ProviderCommands, Samples } from './provider.ts';
import type { RunningProbe } from './provider.ts';
import type { ClusterTopology, Topology } from './topology.ts';

export interface LabProviderOptions {
  /** Directory of the `clustermesh` package, whose command line is run as a user would. */
  readonly cli: string;
  /** Name of the lab: scenarios may run beside a lab that is up. */
  readonly mesh: string;
  /** Directory of real Kubernetes binaries (envtest layout). */
  readonly kubeAssets: string | undefined;
}

const probeDirectory = fileURLToPath(new URL('probe', import.meta.url));
/** How long a killed program may take to be started again. */
const restartMs = 60_000;
const pollMs = 100;

/** Clusters of a scenario in the lab, on this machine. */
export class LabProvider implements Provider {
  readonly commands: ProviderCommands;
  readonly #options: LabProviderOptions;
  #lab: Lab | undefined;
  #topology: Topology | undefined;

  constructor(options: LabProviderOptions) {
    this.#options = options;
    this.commands = labCommands(options.mesh);
  }

  cannot(_need: Need): string | undefined {
    return this.#lab?.limitation;
  }

  async up(topology: Topology, onProgress: (line: string) => void, signal: AbortSignal): Promise<void> {
    const { Lab: Class } = await import('@clustermesh/lab');
    const { mesh, kubeAssets } = this.#options;
    this.#topology = topology;
    this.#lab = await Class.up(
      { ...topology, mesh, clusters: topology.clusters.map(labCluster) },
      { onProgress, signal, kubeAssets },
    );
  }

  async down(): Promise<void> {
    const { Lab: Class } = await import('@clustermesh/lab');
    this.#lab = undefined;
    await Class.down(this.#options.mesh);
  }

  kubeconfig(): string {
    return this.#running().kubeconfigPath();
  }

  kube(cluster: string): KubeClient {
    return this.#running().kube(cluster);
  }

  samples(): Samples {
    const { samples } = this.#running();
    if (samples !== undefined) return samples;
    throw new MeshError('LAB_INVALID_STATE', `lab ${this.#options.mesh} has no samples`);
  }

  async startProbe(cluster: string, { namespace, name }: PodRef, probe: Probe): Promise<RunningProbe> {
    const argv = ['node', join(probeDirectory, `${probe.program}.mjs`), ...probeArguments(probe)];
    return startProbeProcess(await this.#running().execArgv(cluster, `${namespace}/${name}`, argv));
  }

  async clustermesh(argv: readonly string[]): Promise<CommandResult> {
    return runToEnd([process.execPath, this.#bin, ...argv, '--kubeconfig', this.kubeconfig()]);
  }

  async troubleshoot(cluster: string): Promise<CommandResult> {
    const lab = this.#running();
    const options = { namespace: 'kube-system', labelSelector: 'app.kubernetes.io/name=clustermesh-apiserver' };
    const { items } = await lab.kube(cluster).list(pods, options);
    const pod = `kube-system/${items[0]?.metadata.name ?? ''}`;
    const flags = ['--config-dir=/var/lib/cilium/clustermesh', '--etcd-config=/etc/clustermesh/etcd-config.yaml'];
    const argv = [process.execPath, this.#bin, 'troubleshoot', ...flags, `--cluster-name=${cluster}`];
    return runToEnd(await lab.execArgv(cluster, pod, argv, 'kvstoremesh'));
  }

  get #bin(): string {
    return join(this.#options.cli, 'bin/run.js');
  }

  async cut({ peers, ...cut }: Cut): Promise<void> {
    await this.#running().cut({ ...cut, ...(peers === undefined ? {} : { peers }) });
  }

  async restore(cluster: string): Promise<void> {
    await this.#running().restore(cluster);
  }

  async memory(cluster: string, program: Kill['program']): Promise<readonly number[]> {
    const programs = await this.#running().programs(cluster);
    return programs.filter(({ name }) => name === program).map(({ rssBytes }) => rssBytes);
  }

  /** Returns when another process has taken its place: what is looked at afterwards is not the state before. */
  async kill({ cluster, program, node }: Kill): Promise<void> {
    const lab = this.#running();
    const killed = await lab.kill(cluster, { name: program, ...(node === undefined ? {} : { node }) });
    const gone = new Set(killed.map(({ pid }) => pid));
    const running = async (): Promise<readonly LabProgram[]> =>
      (await lab.programs(cluster)).filter(({ name }) => name === program);
    const where = `${program} of ${cluster ?? 'the lab'}`;
    await until(`end ${where}`, async () => !(await running()).some(({ pid }) => gone.has(pid)));
    if (program === 'supervisor' && this.#topology !== undefined) {
      // Nothing keeps the supervisor running; `lab up` takes over what it left.
      await this.up(this.#topology, () => undefined, new AbortController().signal);
    }
    await until(`start ${where} again after its kill`, async () => (await running()).length >= killed.length);
  }

  async collectLogs(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    await cp(this.#running().logDir, directory, { recursive: true });
  }

  #running(): Lab {
    if (this.#lab !== undefined) return this.#lab;
    throw new MeshError('LAB_INVALID_STATE', `lab ${this.#options.mesh} is not up`);
  }
}

async function runToEnd([program = '', ...argv]: readonly string[]): Promise<CommandResult> {
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exitCode, stdout, stderr };
}

async function until(what: string, isDone: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonicMs() + restartMs;
  while (!(await isDone())) {
    if (systemClock.monotonicMs() >= deadline) throw new MeshError('TIMEOUT', what);
    await systemClock.sleep(pollMs);
  }
}

function hasRedis({ cache }: ClusterTopology): boolean {
  return cache === 'redis';
}

/** IPv4 alone is what a lab has anyway. */
function labCluster({ ipFamilies, ...cluster }: ClusterTopology): Omit<ClusterTopology, 'ipFamilies'> {
  return ipFamilies.length > 1 ? { ...cluster, ...{ ipFamilies } } : cluster;
}

function labCommands(mesh: string): ProviderCommands {
  const inLab = (command: string): readonly string[] => [
    `clustermesh lab ${command}${mesh === 'lab' ? '' : ` --mesh ${mesh}`}`,
  ];
  const flag = (name: string, value: string | undefined, usual?: string): string =>
    value === undefined || value === usual ? '' : ` --${name} ${value}`;
  return {
    up: ({ clusters }) => {
      const isDual = clusters.some(({ ipFamilies }) => ipFamilies.length > 1);
      const names = clusters.map(({ name }) => name).join(',');
      const more = [...(isDual ? ['--dual-stack'] : []), ...(clusters.some(hasRedis) ? ['--cache redis'] : [])];
      return inLab(['up', `--clusters ${names}`, `--nodes ${clusters[0]?.nodes ?? 1}`, ...more].join(' '));
    },
    cut: ({ cluster, peers = [], traffic, direction }) => {
      const named = peers.map((peer) => flag('peer', peer)).join('');
      const what = flag('traffic', traffic, 'control') + flag('direction', direction, 'both');
      return inLab(`cut ${cluster}${named}${what}`);
    },
    restore: (cluster) => inLab(`restore ${cluster}`),
    memory: (cluster) => [`clustermesh lab programs ${cluster}`],
    kill: ({ cluster, program, node }) =>
      program === 'supervisor'
        ? [...inLab('kill - supervisor'), ...inLab('up')]
        : inLab(`kill ${cluster ?? ''} ${program}${flag('node', node)}`),
    probe: (cluster, { namespace, name }, probe) => {
      const [exec = ''] = inLab(`exec ${cluster} ${namespace}/${name}`);
      return [`${exec} -- node scenarios/src/probe/${probe.program}.mjs ${probeArguments(probe).join(' ')}`];
    },
    collectLogs: (_topology, directory) => [`cp -r /run/clustermesh/${mesh}/logs ${directory}`],
    down: () => inLab('down'),
  };
}
