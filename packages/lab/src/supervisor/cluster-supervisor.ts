import { namespaces } from '@clustermesh/kube';
import type { KubeClient, Pod } from '@clustermesh/kube';
import { describeError, isAborted, runAll } from '@clustermesh/runtime';
import type { Clock, Logger, Random } from '@clustermesh/runtime';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';

import { ClusterView } from '../cluster-view.ts';
import { adminClient } from '../control-plane/admin-client.ts';
import { envtestKubeApi, memoryKubeApi } from '../control-plane/kube-api-programs.ts';
import type { KubeApi } from '../control-plane/kube-api-programs.ts';
import { KubeCredentials } from '../control-plane/kube-credentials.ts';
import { kubeconfig } from '../control-plane/kubeconfig.ts';
import type { KubeContext } from '../control-plane/kubeconfig.ts';
import { listenRelay } from '../control-plane/relay.ts';
import { keepServiceRunning } from '../control-plane/service-process.ts';
import { infrastructureControllers, runControllers, workloadControllers } from '../controllers/controllers.ts';
import type { Dial } from '../gateway/dial.ts';
import { ensureNamespaces, installMesh } from '../install/install.ts';
import { readJsonFile, writeFileWhole, writeJsonFile } from '../json-file.ts';
import { labPrograms } from '../kubelet/programs.ts';
import { Kubelet } from '../kubelet/kubelet.ts';
import type { ClusterPlan, LabMode } from '../mesh-plan.ts';
import type { ProcessRunner } from '../process/process-runner.ts';
import { nodeEnv } from '../workspace.ts';
import { labInstallation } from './lab-installation.ts';
import { kubeconfigFile } from './lab-state.ts';
import { podSummary, waitsFor } from './lab-status.ts';
import type { ClusterPhase, ClusterStatus } from './lab-status.ts';

export interface ClusterDeps {
  readonly stateDir: string;
  readonly kubeAssets: string | undefined;
  readonly installMesh: boolean;
  readonly mode: LabMode;
  readonly runner: ProcessRunner;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const apiPollMs = 50;

/** Brings one cluster up and keeps it: its Kubernetes API, controllers and kubelets, and the mesh installed in it. */
export class ClusterSupervisor {
  readonly #plan: ClusterPlan;
  readonly #deps: ClusterDeps;
  #phase: ClusterPhase = 'starting';
  #reason = 'the Kubernetes API starts';
  #view: ClusterView | undefined;

  constructor(plan: ClusterPlan, deps: ClusterDeps) {
    this.#plan = plan;
    this.#deps = deps;
  }

  get status(): ClusterStatus {
    const { name, id, nodes } = this.#plan;
    const waiting =
      this.#phase === 'settling' && this.#view !== undefined ? waitsFor(this.#plan, this.#view) : this.#reason;
    return {
      name,
      id,
      phase: this.#phase === 'settling' && waiting === '' ? 'ready' : this.#phase,
      reason: waiting,
      kubeconfig: kubeconfigFile(this.#deps.stateDir, name),
      nodes: nodes.map(({ name: node, address, podCidr }) => ({ name: node, address, podCidr })),
      pods: (this.#view?.list('pods') ?? []).map(podSummary),
    };
  }

  /** @param ready told with the cluster's context once its API can be reached */
  async run(ready: (context: KubeContext) => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      const credentials = await KubeCredentials.open(this.#plan, this.#deps.clock);
      const api = await this.#kubeApi(credentials);
      const { server, port } = await listenRelay(await this.#relayPort(), this.#dialApi(api, signal));
      signal.addEventListener('abort', () => server.close(), { once: true });
      await writeJsonFile(join(this.#plan.dir, 'relay.json'), { port });
      const context = await this.#adminContext(credentials, `https://127.0.0.1:${port}`);
      await writeFileWhole(kubeconfigFile(this.#deps.stateDir, this.#plan.name), kubeconfig([context]));
      const programs = api.programs.map(
        (program) => (stop: AbortSignal) => keepServiceRunning(program, this.#deps, stop),
      );
      const work = (stop: AbortSignal): Promise<void> => this.#runCluster({ api, context, credentials, ready }, stop);
      await runAll([...programs, work], signal);
    } catch (error) {
      this.#phase = 'failed';
      this.#reason = describeError(error);
      throw error;
    }
  }

  async #runCluster(
    parts: {
      readonly api: KubeApi;
      readonly context: KubeContext;
      readonly credentials: KubeCredentials;
      readonly ready: (context: KubeContext) => Promise<void>;
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { api, context, credentials, ready } = parts;
    using client = adminClient(context);
    await this.#untilAnswering(client, signal);
    if (isAborted(signal)) return;
    await ready(context);
    await ensureNamespaces(client, signal);
    const { clock, random, log } = this.#deps;
    const view = new ClusterView(client, { clock, random, log });
    this.#view = view;
    const controllers = [...infrastructureControllers, ...(api.hasControllers ? [] : workloadControllers({ random }))];
    const kubelets = this.#plan.nodes.map((node) => {
      const baseEnv = (pod: Pod): Promise<Record<string, string>> => this.#containerEnv(pod, credentials);
      const logDir = join(this.#deps.stateDir, 'logs');
      return new Kubelet({ ...this.#deps, client, view, node, programs: labPrograms, logDir, baseEnv });
    });
    await runAll(
      [
        (stop) => view.run(stop),
        (stop) => runControllers(controllers, { ...this.#deps, client, view }, stop),
        ...kubelets.map((kubelet) => (stop: AbortSignal) => kubelet.run(stop)),
        (stop) => this.#install(client, view, stop),
      ],
      signal,
    );
  }

  async #install(client: KubeClient, view: ClusterView, signal: AbortSignal): Promise<void> {
    await view.synced; // or a lab that is taken over would look empty
    if (!this.#deps.installMesh) {
      this.#phase = 'ready';
      this.#reason = '';
      return;
    }
    this.#phase = 'installing';
    this.#reason = 'the mesh is being installed';
    const { mode, clock } = this.#deps;
    await installMesh(client, labInstallation(this.#plan, mode, clock), signal);
    this.#phase = 'settling';
  }

  async #untilAnswering(client: KubeClient, signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      try {
        await client.list(namespaces, {}, signal);
        return;
      } catch (error) {
        this.#reason = `the Kubernetes API starts: ${describeError(error)}`;
        await this.#deps.clock.sleep(apiPollMs, signal);
      }
    }
  }

  async #kubeApi(credentials: KubeCredentials): Promise<KubeApi> {
    const { controlPlane, dir } = this.#plan;
    const kubeconfigPath = join(dir, 'kube-pki', 'controllers.kubeconfig');
    const files = { pki: credentials.pki, kubeconfigFile: kubeconfigPath };
    if (this.#deps.kubeAssets === undefined) return memoryKubeApi(this.#plan, files);
    const context = await this.#adminContext(credentials, `https://${controlPlane.address}:${controlPlane.port}`);
    await writeFileWhole(kubeconfigPath, kubeconfig([context]));
    return envtestKubeApi(this.#deps.kubeAssets, this.#plan, files);
  }

  #dialApi({ hasSocket }: KubeApi, signal: AbortSignal): () => Promise<Socket> {
    const { socket, address, port } = this.#plan.controlPlane;
    if (!hasSocket) return () => this.#deps.dial(address, port, signal);
    return async () => {
      const connection = connect(socket);
      await once(connection, 'connect', { signal });
      return connection;
    };
  }

  async #relayPort(): Promise<number> {
    return (await readJsonFile<{ port: number }>(join(this.#plan.dir, 'relay.json')))?.port ?? 0;
  }

  async #adminContext(credentials: KubeCredentials, server: string): Promise<KubeContext> {
    const pair = await credentials.issueClient('lab-admin', ['system:masters']);
    return { name: this.#plan.name, server, caPem: credentials.caPem, ...pair };
  }

  /** A pod's way to the API: as its service account, by a client certificate in place of a token. */
  async #containerEnv({ metadata, spec }: Pod, credentials: KubeCredentials): Promise<Record<string, string>> {
    const { name, controlPlane, dir } = this.#plan;
    const { namespace = '' } = metadata;
    const account = spec.serviceAccountName ?? 'default';
    const path = join(dir, 'service-accounts', `${namespace}-${account}.kubeconfig`);
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    const pair = await credentials.issueClient(`system:serviceaccount:${namespace}:${account}`, groups);
    const server = `https://${controlPlane.address}:${controlPlane.port}`;
    await writeFileWhole(path, kubeconfig([{ name, server, caPem: credentials.caPem, ...pair }]));
    return {
      ...nodeEnv,
      KUBECONFIG: path,
      CLUSTER_NAME: name,
      NODE_NAME: spec.nodeName ?? '',
      POD_NAME: metadata.name,
    };
  }
}
