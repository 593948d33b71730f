import { MeshError, systemClock } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { takeDown } from './down.ts';
import { probeHost, requireIpv6, requirePrograms, rootLayout, rootlessLayout } from './host.ts';
import type { LabMode, MeshPlan } from './mesh-plan.ts';
import { ProcessRunner } from './process/process-runner.ts';
import {
  findSupervisor,
  planOf,
  readLabState,
  supervisorLog,
  writeLabState,
  writeSupervisorRecord,
} from './supervisor/lab-state.ts';
import type { LabState } from './supervisor/lab-state.ts';
import type { ClusterStatus, SupervisorStatus } from './supervisor/lab-status.ts';
import { fetchStatus } from './supervisor/status-server.ts';
import { hasRedis, isDualStack } from './topology.ts';
import type { Topology } from './topology.ts';
import { nodeEnv, nodeProgram } from './workspace.ts';

export interface UpOptions {
  /** Told in words what happens, for people. */
  readonly onProgress?: (line: string) => void;
  /** Default `auto`: root mode where this machine can, else rootless. */
  readonly mode?: LabMode | 'auto';
  /** Directory of real Kubernetes binaries, as KUBEBUILDER_ASSETS of envtest. */
  readonly kubeAssets?: string | undefined;
  /** Default true: the mesh is installed in each cluster, and waited for. */
  readonly installMesh?: boolean;
  /** Aborting it takes down what this call made. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

const statusPollMs = 100;
const upDeadlineMs = 180_000;

/** Makes a lab, or goes on with the one of that name if it has the same clusters; returns when all are ready. */
export async function bringUpLab(wanted: Topology, options: UpOptions): Promise<LabState> {
  const { clock = systemClock } = options;
  const existing = await findLab(wanted.mesh);
  if (existing !== undefined && !isDeepStrictEqual(existing.topology, wanted)) {
    const what = `bring up lab ${wanted.mesh} (it is up with other clusters: clustermesh lab down --mesh ${wanted.mesh} first)`;
    throw new MeshError('LAB_INVALID_STATE', what);
  }
  const state = existing ?? (await describeLab(wanted, options));
  const plan = planOf(state);
  try {
    if (existing === undefined) await writeLabState(plan.stateDir, state);
    if ((await findSupervisor(plan.stateDir)) === undefined) await startSupervisor(plan, clock);
    await untilReady(state, clock, options);
    return state;
  } catch (error) {
    if (existing === undefined && options.signal?.aborted === true) await takeDown(wanted.mesh, clock);
    throw error;
  }
}

/** What was written when the lab was made; its supervisor need not run. */
export async function findLab(mesh: string): Promise<LabState | undefined> {
  for (const { stateRoot } of [rootLayout(undefined), rootlessLayout()]) {
    const state = await readLabState(join(stateRoot, mesh)).catch(() => undefined); // another user's is not ours
    if (state !== undefined) return state;
  }
  return undefined;
}

async function describeLab(topology: Topology, { mode, kubeAssets, installMesh = true }: UpOptions): Promise<LabState> {
  const { layout, limitation } = await probeHost(mode);
  const { clusters, samples = [] } = topology;
  await requirePrograms(layout.mode, { hasSamples: samples.length > 0, hasRedis: clusters.some(hasRedis) });
  if (layout.mode === 'root' && clusters.some(isDualStack)) await requireIpv6();
  return {
    topology,
    layout,
    installMesh,
    ...(limitation === undefined ? {} : { limitation }),
    ...(kubeAssets === undefined ? {} : { kubeAssets }),
  };
}

async function startSupervisor({ stateDir, cgroup }: MeshPlan, clock: Clock): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const argv = [...nodeProgram('packages/lab/src/supervisor/main.ts'), `--state-dir=${stateDir}`];
  const place = cgroup === undefined ? {} : { cgroup: join(cgroup, 'supervisor') };
  const runner = new ProcessRunner({ stateDir, clock });
  const { record } = await runner.start({ argv, env: nodeEnv, place, logFile: supervisorLog(stateDir) });
  await writeSupervisorRecord(stateDir, record);
}

async function untilReady(state: LabState, clock: Clock, options: UpOptions): Promise<void> {
  const { onProgress = () => undefined, signal } = options;
  const { stateDir } = planOf(state);
  const deadline = clock.monotonicMs() + upDeadlineMs;
  const told = new Map<string, string>();
  if (state.limitation !== undefined) onProgress(`rootless: ${state.limitation}; packets between pods are not shown`);
  let clusters: readonly ClusterStatus[] = [];
  let troubles: readonly string[] = [];
  while (clock.monotonicMs() < deadline) {
    if (signal?.aborted === true) throw new MeshError('LAB_INVALID_STATE', 'bring the lab up (interrupted)');
    ({ clusters, troubles } = await currentStatus(stateDir));
    for (const { name, phase } of clusters.filter((cluster) => told.get(cluster.name) !== cluster.phase)) {
      told.set(name, phase);
      onProgress(`${name}: ${phase}`);
    }
    const failed = clusters.find(({ phase }) => phase === 'failed');
    if (failed !== undefined) {
      throw new MeshError('LAB_INVALID_STATE', `bring up cluster ${failed.name}: ${failed.reason}`);
    }
    const isComplete = clusters.length > 0 && troubles.length === 0;
    if (isComplete && clusters.every(({ phase }) => phase === 'ready')) return;
    await clock.sleep(statusPollMs, signal);
  }
  const missing = clusters.filter(({ phase }) => phase !== 'ready').map(({ name, reason }) => `${name}: ${reason}`);
  throw new MeshError(
    'TIMEOUT',
    `bring the lab up within ${upDeadlineMs / 1000} s: ${[...troubles, ...missing].join('; ')}`,
  );
}

/** Empty while the supervisor starts. @throws MeshError LAB_INVALID_STATE with its last words when it has ended */
async function currentStatus(stateDir: string): Promise<Pick<SupervisorStatus, 'clusters' | 'troubles'>> {
  try {
    return await fetchStatus(stateDir);
  } catch {
    if ((await findSupervisor(stateDir)) !== undefined) return { clusters: [], troubles: [] };
    const log = await readFile(supervisorLog(stateDir), 'utf8').catch(() => '');
    throw new MeshError('LAB_INVALID_STATE', `supervisor of ${stateDir} ended: ${log.trim().split('\n').at(-1) ?? ''}`);
  }
}
