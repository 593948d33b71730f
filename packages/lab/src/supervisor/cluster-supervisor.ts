import { namespaces } from '@clustermesh/kube';
import type { KubeClient, Pod } from '@clustermesh/kube';
import { describeError, isAborted, runAll } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';
import { join } from 'node:path';

import { CacheRedis } from '../cache/cache-redis.ts';
import { standInForCilium } from '../cilium/stand-in.ts';
import { ClusterView } from '../cluster-view.ts';
import { adminClient } from '../control-plane/admin-client.ts';
import { ClusterApi } from '../control-plane/cluster-api.ts';
import type { ClusterApiDeps } from '../control-plane/cluster-api.ts';
import { kubeconfig } from '../control-plane/kubeconfig.ts';
import type { KubeContext } from '../control-plane/kubeconfig.ts';
import { ServiceTroubles, keepServiceRunning } from '../control-plane/service-process.ts';
import { untilAnswered } from '../control-plane/until-answered.ts';
import { infrastructureControllers, runControllers, workloadControllers } from '../controllers/controllers.ts';
import { ensureNamespaces, installMesh } from '../install/install.ts';
import { writeFileWhole } from '../json-file.ts';
import { Kubelet } from '../kubelet/kubelet.ts';
import { labPrograms } from '../kubelet/programs.ts';
import type { ClusterPlan, LabMode } from '../mesh-plan.ts';
import { nodeEnv } from '../workspace.ts';
import { labInstallation } from './lab-installation.ts';
import { kubeconfigFile } from './lab-state.ts';
import { podSummary, waitsFor } from './lab-status.ts';
import type { ClusterPhase, ClusterStatus } from './lab-status.ts';

export interface ClusterDeps extends ClusterApiDeps {
  readonly installMesh: boolean;
  readonly mode: LabMode;
  /** Keys of `clustermesh-config` instead of the lab's own values. */
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Logger;
}

/** Brings one cluster up and keeps it: its Kubernetes API, controllers and kubelets, and the mesh installed in it. */
export class ClusterSupervisor {
  readonly #plan: ClusterPlan;
  readonly #deps: ClusterDeps;
  #phase: ClusterPhase = 'starting';
  #reason = 'the Kubernetes API starts';
  #view: ClusterView | undefined;
  #api: ClusterApi | undefined;
  readonly #redis: CacheRedis | undefined;
  readonly #troubles = new ServiceTroubles();

  constructor(plan: ClusterPlan, deps: ClusterDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#redis = plan.redis && new CacheRedis(plan.name, plan.redis);
  }

  get status(): ClusterStatus {
    const { name, id, nodes } = this.#plan;
    const reason = this.#whyNotReady();
    return {
      name,
      id,
      phase: this.#phase === 'settling' && reason === '' ? 'ready' : this.#phase,
      reason,
      kubeconfig: kubeconfigFile(this.#deps.stateDir, name),
      nodes: nodes.map(({ name: node, address, podCidr }) => ({ name: node, address, podCidr })),
      pods: (this.#view?.list('pods') ?? []).map(podSummary),
    };
  }

  #whyNotReady(): string {
    if (this.#phase !== 'settling' || this.#view === undefined) return this.#reason;
    const installed = this.#deps.installMesh ? waitsFor(this.#plan, this.#view) : [];
    return [...(this.#api?.troubles ?? []), ...this.#troubles.reasons, ...installed].join('; ');
  }

  /** @param reachable told with the cluster's context once its API can be reached */
  async run(reachable: (context: KubeContext) => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      using api = await ClusterApi.open(this.#plan, this.#deps, signal);
      this.#api = api;
      await writeFileWhole(kubeconfigFile(this.#deps.stateDir, this.#plan.name), kubeconfig([api.context]));
      using client = adminClient(api.context);
      const work = async (stop: AbortSignal): Promise<void> => {
        await this.#answered(() => client.list(namespaces, {}, stop), stop);
        if (isAborted(stop)) return;
        await reachable(api.context);
        await this.#runCluster(api, client, stop);
      };
      await this.#redis?.prepare(this.#deps.clock);
      await runAll([(stop) => api.run(stop), (stop) => this.#keepRedis(stop), work], signal);
    } catch (error) {
      this.#phase = 'failed';
      this.#reason = describeError(error);
      throw error;
    }
  }

  async #runCluster(api: ClusterApi, client: KubeClient, signal: AbortSignal): Promise<void> {
    await this.#answered(() => ensureNamespaces(client, signal), signal);
    const view = new ClusterView(client, this.#deps);
    this.#view = view;
    const controllers = [...infrastructureControllers, ...(api.hasControllers ? [] : workloadControllers(this.#deps))];
    const logDir = join(this.#deps.stateDir, 'logs');
    const baseEnv = (pod: Pod): Promise<Record<string, string>> => this.#containerEnv(pod, api);
    const kubelets = this.#plan.nodes.map(
      (node) => new Kubelet({ ...this.#deps, client, view, node, programs: labPrograms, logDir, baseEnv }),
    );
    await runAll(
      [
        (stop) => view.run(stop),
        (stop) => runControllers(controllers, { ...this.#deps, client, view }, stop),
        ...kubelets.map((kubelet) => (stop: AbortSignal) => kubelet.run(stop)),
        (stop) => this.#install(client, view, stop),
        ...(this.#plan.source === 'cilium'
          ? [(stop: AbortSignal) => standInForCilium(this.#plan, { ...this.#deps, client, view }, stop)]
          : []),
      ],
      signal,
    );
  }

  async #keepRedis(signal: AbortSignal): Promise<void> {
    if (this.#redis === undefined) return;
    await keepServiceRunning(this.#redis.program, { ...this.#deps, troubles: this.#troubles }, signal);
  }

  async #install(client: KubeClient, view: ClusterView, signal: AbortSignal): Promise<void> {
    await view.synced; // or a lab that is taken over would look empty
    if (this.#deps.installMesh) {
      this.#phase = 'installing';
      this.#reason = 'the mesh is being installed';
      const installation = await labInstallation(this.#plan, { ...this.#deps, redis: this.#redis });
      await this.#answered(() => installMesh(client, installation, signal), signal);
    }
    this.#phase = 'settling';
  }

  async #answered(action: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    await untilAnswered(action, this.#deps.clock, signal, (reason) => {
      this.#reason = `the Kubernetes API starts: ${reason}`;
    });
  }

  /** What every container finds: the way to the API, and who it is. */
  async #containerEnv({ metadata, spec }: Pod, api: ClusterApi): Promise<Record<string, string>> {
    const { namespace = '', name } = metadata;
    return {
      ...nodeEnv,
      KUBECONFIG: await api.serviceAccountKubeconfig(namespace, spec.serviceAccountName ?? 'default'),
      CLUSTER_NAME: this.#plan.name,
      NODE_NAME: spec.nodeName ?? '',
      POD_NAME: name,
    };
  }
}
