import { runAll } from '@clustermesh/runtime';
import type { Clock, Random } from '@clustermesh/runtime';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';

import { openSocket } from '../gateway/dial.ts';
import type { Dial } from '../gateway/dial.ts';
import { readJsonFile, writeFileWhole, writeJsonFile } from '../json-file.ts';
import type { ClusterPlan } from '../mesh-plan.ts';
import type { ProcessRunner } from '../process/process-runner.ts';
import { envtestKubeApi, memoryKubeApi } from './kube-api-programs.ts';
import type { KubeApi } from './kube-api-programs.ts';
import { KubeCredentials } from './kube-credentials.ts';
import { kubeconfig } from './kubeconfig.ts';
import type { KubeContext } from './kubeconfig.ts';
import { listenRelay } from './relay.ts';
import { ServiceTroubles, keepServiceRunning } from './service-process.ts';

export interface ClusterApiDeps {
  readonly stateDir: string;
  /** Directory of the real binaries, if they are to be used. */
  readonly kubeAssets: string | undefined;
  readonly runner: ProcessRunner;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
}

/** The Kubernetes API of one cluster: its programs, its authority, and a port of this machine that leads to it. */
export class ClusterApi implements Disposable {
  readonly #plan: ClusterPlan;
  readonly #deps: ClusterApiDeps;
  readonly #credentials: KubeCredentials;
  readonly #api: KubeApi;
  readonly #relay: Server;
  readonly #troubles = new ServiceTroubles();
  /** An administrator, from this machine. */
  readonly context: KubeContext;

  private constructor(plan: ClusterPlan, deps: ClusterApiDeps, parts: ApiParts) {
    this.#plan = plan;
    this.#deps = deps;
    this.#credentials = parts.credentials;
    this.#api = parts.api;
    this.#relay = parts.relay;
    this.context = parts.context;
  }

  /** Makes or finds keys and port; nothing runs yet. `signal` ends what the relay still carries. */
  static async open(plan: ClusterPlan, deps: ClusterApiDeps, signal: AbortSignal): Promise<ClusterApi> {
    const credentials = await KubeCredentials.open(plan, deps.clock);
    const api = await describeApi(plan, deps, credentials);
    const portFile = join(plan.dir, 'relay.json');
    const before = await readJsonFile<{ port: number }>(portFile);
    const relay = await listenRelay(before?.port ?? 0, dialApi(plan, api, deps.dial, signal));
    await writeJsonFile(portFile, { port: relay.port });
    const context = await adminContext(plan, credentials, `https://127.0.0.1:${relay.port}`);
    return new ClusterApi(plan, deps, { credentials, api, relay: relay.server, context });
  }

  /** The real controllers run beside it, so the lab's own must not. */
  get hasControllers(): boolean {
    return this.#api.hasControllers;
  }

  /** Programs of it that should run and do not. */
  get troubles(): readonly string[] {
    return this.#troubles.reasons;
  }

  /** Keeps the programs running until `signal` aborts; they outlive it. */
  async run(signal: AbortSignal): Promise<void> {
    const programs = this.#api.programs.map(
      (program) => (stop: AbortSignal) =>
        keepServiceRunning(program, { ...this.#deps, troubles: this.#troubles }, stop),
    );
    await runAll(programs, signal);
  }

  /** A pod's way to the API, as its service account: by a client certificate in place of a token. */
  async serviceAccountKubeconfig(namespace: string, account: string): Promise<string> {
    const path = join(this.#plan.dir, 'service-accounts', `${namespace}-${account}.kubeconfig`);
    const user = `system:serviceaccount:${namespace}:${account}`;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    const pair = await this.#credentials.issueClient(user, groups);
    const server = ownServer(this.#plan);
    const context = { name: this.#plan.name, server, caPem: this.#credentials.caPem, ...pair };
    await writeFileWhole(path, kubeconfig([context]));
    return path;
  }

  [Symbol.dispose](): void {
    this.#relay.close();
  }
}

interface ApiParts {
  readonly credentials: KubeCredentials;
  readonly api: KubeApi;
  readonly relay: Server;
  readonly context: KubeContext;
}

async function describeApi(plan: ClusterPlan, deps: ClusterApiDeps, credentials: KubeCredentials): Promise<KubeApi> {
  const kubeconfigFile = join(plan.dir, 'kube-pki', 'controllers.kubeconfig');
  const files = { pki: credentials.pki, kubeconfigFile };
  if (deps.kubeAssets === undefined) return memoryKubeApi(plan, files);
  const context = await adminContext(plan, credentials, ownServer(plan));
  await writeFileWhole(kubeconfigFile, kubeconfig([context]));
  return envtestKubeApi(deps.kubeAssets, plan, files);
}

function dialApi(
  { controlPlane }: ClusterPlan,
  { hasSocket }: KubeApi,
  dial: Dial,
  signal: AbortSignal,
): () => Promise<Socket> {
  const { socket, address, port } = controlPlane;
  return hasSocket ? () => openSocket({ path: socket }, signal) : () => dial(address, port, signal);
}

async function adminContext({ name }: ClusterPlan, credentials: KubeCredentials, server: string): Promise<KubeContext> {
  const pair = await credentials.issueClient('lab-admin', ['system:masters']);
  return { name, server, caPem: credentials.caPem, ...pair };
}

/** As the cluster's own nodes and pods reach it. */
function ownServer({ controlPlane }: ClusterPlan): string {
  return `https://${controlPlane.address}:${controlPlane.port}`;
}
