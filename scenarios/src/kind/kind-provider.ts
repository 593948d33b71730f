import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { KubeClient } from '@clustermesh/kube';
import { MeshError, isAborted, systemClock } from '@clustermesh/runtime';
import { stringify } from 'yaml';

import { startProbeProcess } from '../probe-process.ts';
import { troubleshootCommand } from '../provider.ts';
import type { CommandResult, Cut, Kill, Need, PodRef, Probe, Provider, ProviderCommands } from '../provider.ts';
import type { RunningProbe } from '../provider.ts';
import type { ClusterTopology, Topology } from '../topology.ts';
import { installationFile, kindCommands, kubeconfigFile } from './kind-commands.ts';
import type { KindPlan } from './kind-commands.ts';

export interface KindProviderOptions {
  /** Directory of the `clustermesh` package. */
  readonly cli: string;
  /** Prefix of the names of the kind clusters. */
  readonly mesh: string;
  readonly topology: Topology;
  /** Runs a command line of /bin/sh to its end. */
  readonly shell?: (command: string, env: Readonly<Record<string, string>>) => Promise<CommandResult>;
}

/** Clusters of a scenario in Docker, made by kind. It runs the command lines of kind-commands.ts and nothing else. */
export class KindProvider implements Provider {
  readonly commands: ProviderCommands;
  readonly #options: KindProviderOptions;
  readonly #plan: KindPlan;
  readonly #shell: NonNullable<KindProviderOptions['shell']>;
  readonly #clients = new Map<string, KubeClient>();

  constructor(options: KindProviderOptions) {
    const { mesh, topology } = options;
    this.#options = options;
    this.#plan = { mesh, topology, directory: join(tmpdir(), `clustermesh-kind-${mesh}`) };
    this.#shell = options.shell ?? runShell;
    this.commands = kindCommands(this.#plan);
  }

  cannot(need: Need): string | undefined {
    if (need === 'memory') return 'the memory of single programs is not read on kind';
    if (need === 'forgery') return 'pods have no right to forge packets on kind';
    return need === 'supervisor' ? 'kind has no supervisor' : undefined;
  }

  async up(topology: Topology, onProgress: (line: string) => void, signal: AbortSignal): Promise<void> {
    refuseWhatKindLacks(topology);
    await mkdir(this.#plan.directory, { recursive: true, mode: 0o700 });
    for (const cluster of topology.clusters) await this.#writeInstallation(cluster);
    for (const command of this.commands.up(topology)) {
      if (isAborted(signal)) return;
      onProgress(`$ ${command}`);
      await this.#run(command);
    }
    const { HttpKubeClient } = await import('@clustermesh/kube');
    for (const { name } of topology.clusters) {
      this.#clients.set(name, await HttpKubeClient.fromKubeconfig({ path: this.kubeconfig(), context: name }));
    }
  }

  async down(): Promise<void> {
    for (const command of this.commands.down(this.#plan.topology)) await this.#run(command);
    await rm(this.#plan.directory, { recursive: true, force: true });
  }

  kubeconfig(): string {
    return kubeconfigFile(this.#plan);
  }

  kube(cluster: string): KubeClient {
    const client = this.#clients.get(cluster);
    if (client !== undefined) return client;
    throw new MeshError('KUBE_UNAVAILABLE', `kind cluster ${cluster} is not up`);
  }

  samples(): never {
    throw new MeshError('SCENARIO_INVALID', 'reach samples on kind (there are none)');
  }

  async startProbe(cluster: string, pod: PodRef, probe: Probe): Promise<RunningProbe> {
    const [command = ''] = this.commands.probe(cluster, pod, probe);
    return startProbeProcess(['sh', '-c', `KUBECONFIG=${this.kubeconfig()} exec ${command}`]);
  }

  clustermesh(argv: readonly string[]): Promise<CommandResult> {
    const quoted = argv.map((word) => `'${word}'`).join(' ');
    const bin = join(this.#options.cli, 'bin/run.js');
    return this.#shell(`'${process.execPath}' '${bin}' ${quoted}`, this.#env());
  }

  troubleshoot(cluster: string): Promise<CommandResult> {
    return this.#shell(troubleshootCommand(cluster), this.#env());
  }

  async cut(cut: Cut): Promise<void> {
    for (const command of this.commands.cut(cut)) await this.#run(command);
  }

  async restore(cluster: string): Promise<void> {
    for (const command of this.commands.restore(cluster)) await this.#run(command);
  }

  memory(): Promise<never> {
    return Promise.reject(new MeshError('SCENARIO_INVALID', 'read the memory of a program on kind'));
  }

  async kill(kill: Kill): Promise<void> {
    for (const command of this.commands.kill(kill)) await this.#run(command);
  }

  async collectLogs(directory: string): Promise<void> {
    for (const command of this.commands.collectLogs(this.#plan.topology, directory)) await this.#run(command);
  }

  async #writeInstallation({ name, id }: ClusterTopology): Promise<void> {
    const { installationObjects } = await import('@clustermesh/lab');
    const namespace = 'kube-system';
    const objects = await installationObjects({
      secrets: { clusterName: name, namespace, clock: systemClock },
      settings: { ...kindSettings, ...this.#options.topology.settings },
      variables: {
        NAMESPACE: namespace,
        CLUSTER_NAME: name,
        CLUSTER_ID: String(id),
        IMAGE_REGISTRY: 'clustermesh',
        IMAGE_TAG: 'kind',
        APISERVER_SERVICE_TYPE: 'NodePort',
        APISERVER_HOST_NETWORK: 'false',
        APISERVER_STRATEGY: 'RollingUpdate',
        APISERVER_NODE_SELECTOR: JSON.stringify({ 'kubernetes.io/os': 'linux' }),
        AGENT_ETCD_ENDPOINT: `https://clustermesh-apiserver.${namespace}.svc:2379`,
      },
    });
    const documents = objects.map((object) => stringify(object, { aliasDuplicateObjects: false }));
    await writeFile(installationFile(this.#plan, name), documents.join('---\n'), { mode: 0o600 }); // it holds keys
  }

  async #run(command: string): Promise<void> {
    const { exitCode, stderr } = await this.#shell(command, this.#env());
    if (exitCode === 0) return;
    throw new MeshError('COMMAND_FAILED', `run ${command}: exit code ${exitCode}: ${stderr.trim().slice(-500)}`);
  }

  #env(): Readonly<Record<string, string>> {
    return { KUBECONFIG: this.kubeconfig() };
  }
}

function refuseWhatKindLacks(topology: Topology): void {
  const missing = whatKindLacks(topology);
  if (missing.length === 0) return;
  throw new MeshError('SCENARIO_INVALID', `make clusters on kind with ${missing.join(' and ')}: only the lab has that`);
}

/** What of a topology there is in the lab alone. */
export function whatKindLacks({ clusters, samples = [] }: Topology): readonly string[] {
  const cilium = clusters.filter(({ source }) => source === 'cilium').map(({ name }) => `Cilium in ${name}`);
  const redis = clusters.filter(({ cache }) => cache === 'redis').map(({ name }) => `a Redis of ${name}`);
  return [...cilium, ...redis, ...(samples.length === 0 ? [] : ['the etcd of samples'])];
}

/** What takes minutes in production is short, as in the lab, or a scenario would wait for it. */
const kindSettings = {
  'contact-interval': '1s',
  'drain-grace': '2s',
  'clustermesh-sync-timeout': '10s',
  'backend-drain': '5s',
};

async function runShell(command: string, env: Readonly<Record<string, string>>): Promise<CommandResult> {
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', [...assignments, 'sh', '-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exitCode, stdout, stderr };
}
