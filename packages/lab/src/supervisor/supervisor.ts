import { describeError, runAll } from '@clustermesh/runtime';
import type { Clock, Logger, Random } from '@clustermesh/runtime';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun } from '../command.ts';
import { kubeconfig } from '../control-plane/kubeconfig.ts';
import type { KubeContext } from '../control-plane/kubeconfig.ts';
import { ServiceTroubles, keepServiceRunning } from '../control-plane/service-process.ts';
import type { ServiceProgram } from '../control-plane/service-process.ts';
import { dialDirectly, dialThrough } from '../gateway/dial.ts';
import { readJsonFile, writeFileWhole, writeJsonFile } from '../json-file.ts';
import type { MeshPlan, SamplesPlan } from '../mesh-plan.ts';
import { isMountPoint } from '../host.ts';
import { createMeshNetwork } from '../network/network.ts';
import { ProcessRunner } from '../process/process-runner.ts';
import { createSamplesNetwork, runSamples } from '../samples/run-samples.ts';
import { nodeProgram } from '../workspace.ts';
import { ClusterSupervisor } from './cluster-supervisor.ts';
import { kubeconfigFile, planOf } from './lab-state.ts';
import type { LabState } from './lab-state.ts';
import type { SupervisorStatus } from './lab-status.ts';
import { serveStatus } from './status-server.ts';

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** All clusters of one lab, in one process. What it starts outlives it, and what still runs it takes over. */
export async function runSupervisor(state: LabState, deps: SupervisorDeps, signal: AbortSignal): Promise<void> {
  const plan = planOf(state);
  const { stateDir } = plan;
  const runner = new ProcessRunner({ stateDir, clock: deps.clock });
  const gatewaySocket = join(stateDir, 'gateway.sock');
  const dial = plan.mode === 'root' ? dialThrough(gatewaySocket) : dialDirectly;
  const { kubeAssets, installMesh } = state;
  const troubles = new ServiceTroubles();
  const { settings = {} } = state.topology;
  const shared = { ...deps, stateDir, mode: plan.mode, runner, dial, kubeAssets, installMesh, settings };
  const clusters = plan.clusters.map((cluster) => ({ cluster, supervisor: new ClusterSupervisor(cluster, shared) }));
  const status = (): SupervisorStatus => ({
    mesh: plan.mesh,
    mode: plan.mode,
    ...(state.limitation === undefined ? {} : { limitation: state.limitation }),
    supervisorPid: process.pid,
    clusters: clusters.map(({ supervisor }) => supervisor.status),
    troubles: troubles.reasons,
  });
  const server = await serveStatus(stateDir, status);
  await prepareMachine(plan);
  const contexts = new ContextFile(plan);
  await runAll(
    [
      ...gatewayOf(plan, gatewaySocket).map(
        (gateway) => (stop: AbortSignal) => keepServiceRunning(gateway, { ...shared, troubles }, stop),
      ),
      ...samplesOf(plan).map(
        (samples) => (stop: AbortSignal) =>
          runSamples(samples, settings['heartbeat-interval'], { ...shared, troubles }, stop),
      ),
      // One cluster that fails must not take the others with it: its status says why.
      ...clusters.map(({ cluster, supervisor }) => async (stop: AbortSignal): Promise<void> => {
        try {
          await supervisor.run((context) => contexts.add(context), stop);
        } catch (error) {
          deps.log.error({ cluster: cluster.name, reason: describeError(error) }, 'cluster failed');
        }
      }),
    ],
    signal,
  );
  server.close();
}

/** Network and bpffs, once; a broken-off attempt is taken away and made anew. */
async function prepareMachine(plan: MeshPlan): Promise<void> {
  if (plan.mode === 'rootless') return;
  const marker = join(plan.stateDir, 'network.json');
  if ((await readJsonFile(marker)) === undefined) {
    await createMeshNetwork(plan);
    await createSamplesNetwork(plan);
    await writeJsonFile(marker, { complete: true });
  }
  const { bpffs } = plan;
  if (bpffs === undefined || (await isMountPoint(bpffs))) return;
  await mkdir(bpffs, { recursive: true });
  await mustRun(['mount', '-t', 'bpf', `clustermesh-${plan.mesh}`, bpffs]);
}

function gatewayOf({ mode, underlay }: MeshPlan, socket: string): readonly ServiceProgram[] {
  if (mode === 'rootless') return [];
  const argv = [...nodeProgram('packages/lab/src/gateway/main.ts'), `--socket=${socket}`];
  return [{ name: 'gateway', argv, place: underlay }];
}

function samplesOf({ samples }: MeshPlan): readonly SamplesPlan[] {
  return samples === undefined ? [] : [samples];
}

/** The kubeconfig of all clusters, complete as far as they have come. */
class ContextFile {
  readonly #plan: MeshPlan;
  readonly #contexts = new Map<string, KubeContext>();
  #written: Promise<void> = Promise.resolve();

  constructor(plan: MeshPlan) {
    this.#plan = plan;
  }

  add(context: KubeContext): Promise<void> {
    this.#contexts.set(context.name, context);
    this.#written = this.#written.then(() => this.#write()); // one after the other: the last one has all
    return this.#written;
  }

  async #write(): Promise<void> {
    const ordered = this.#plan.clusters.flatMap(({ name }) => this.#contexts.get(name) ?? []);
    await writeFileWhole(kubeconfigFile(this.#plan.stateDir), kubeconfig(ordered));
  }
}
