import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { KubeClient } from '@clustermesh/kube';
import type { Lab } from '@clustermesh/lab';
import { MeshError } from '@clustermesh/runtime';

import type { CommandResult, Provider } from './provider.ts';
import type { Scenario } from './scenario.ts';

export interface LabProviderOptions {
  /** Directory of the `clustermesh` package, whose command line is run as a user would. */
  readonly cli: string;
  /** Name of the lab: scenarios may run beside a lab that is up. */
  readonly mesh: string;
  /** Directory of real Kubernetes binaries (envtest layout). */
  readonly kubeAssets: string | undefined;
}

/** Clusters of a scenario in the lab, on this machine. */
export class LabProvider implements Provider {
  readonly #options: LabProviderOptions;
  #lab: Lab | undefined;

  constructor(options: LabProviderOptions) {
    this.#options = options;
  }

  get withoutPackets(): string | undefined {
    return this.#lab?.limitation;
  }

  async up({ clusters }: Scenario['topology'], onProgress: (line: string) => void, signal: AbortSignal): Promise<void> {
    const { Lab: Class } = await import('@clustermesh/lab');
    const { mesh, kubeAssets } = this.#options;
    this.#lab = await Class.up({ mesh, clusters }, { onProgress, signal, kubeAssets });
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

  execInPod(
    cluster: string,
    { namespace, name }: { namespace: string; name: string },
    argv: readonly string[],
  ): Promise<CommandResult> {
    return this.#running().exec(cluster, `${namespace}/${name}`, argv);
  }

  async clustermesh(argv: readonly string[]): Promise<CommandResult> {
    const command = [join(this.#options.cli, 'bin/run.js'), ...argv, '--kubeconfig', this.kubeconfig()];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve(code ?? 1));
    });
    const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { exitCode, stdout, stderr };
  }

  async cutLink(cluster: string): Promise<void> {
    await this.#running().cutLink(cluster);
  }

  async restoreLink(cluster: string): Promise<void> {
    await this.#running().restoreLink(cluster);
  }

  describeLink(cluster: string, action: 'cut' | 'restore'): string {
    const { mesh } = this.#options;
    return `clustermesh lab ${action} ${cluster}${mesh === 'lab' ? '' : ` --mesh ${mesh}`}`;
  }

  #running(): Lab {
    if (this.#lab !== undefined) return this.#lab;
    throw new MeshError('LAB_INVALID_STATE', `lab ${this.#options.mesh} is not up`);
  }
}
