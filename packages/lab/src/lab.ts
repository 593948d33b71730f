import { objectKey, pods } from '@clustermesh/kube';
import type { HttpKubeClient, KubeClient, Pod } from '@clustermesh/kube';
import { MeshError, systemClock } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { runCommand } from './command.ts';
import type { CommandOptions, CommandResult } from './command.ts';
import { adminClient } from './control-plane/admin-client.ts';
import { contextIn } from './control-plane/kubeconfig.ts';
import { takeDown } from './down.ts';
import { probeHost, requirePrograms, rootLayout, rootlessLayout } from './host.ts';
import { agentSocketPath } from './kubelet/kubelet.ts';
import { hostDirectory } from './kubelet/pod-volumes.ts';
import { isShownOnly, podPlace } from './kubelet/pod-place.ts';
import { clusterOf, nodeOf } from './mesh-plan.ts';
import type { LabMode, MeshPlan } from './mesh-plan.ts';
import { cutControlLink, isControlLinkCut, restoreControlLink } from './network/network.ts';
import { ProcessRunner, placedArgv } from './process/process-runner.ts';
import {
  findSupervisor,
  kubeconfigFile,
  planOf,
  readLabState,
  supervisorLog,
  writeLabState,
  writeSupervisorRecord,
} from './supervisor/lab-state.ts';
import type { LabState } from './supervisor/lab-state.ts';
import type { ClusterStatus, LabStatus } from './supervisor/lab-status.ts';
import { fetchStatus } from './supervisor/status-server.ts';
import { parseTopology } from './topology.ts';
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

/** A pod by its name in namespace `default`, or as `namespace/name`. */
export type PodName = string;

const statusPollMs = 100;
const upDeadlineMs = 180_000;

/** A mesh of clusters on this machine. It lives on its own: this object is a way to it, not its owner. */
export class Lab {
  readonly #plan: MeshPlan;
  readonly #state: LabState;
  readonly #clients = new Map<string, HttpKubeClient>();

  private constructor(state: LabState) {
    this.#state = state;
    this.#plan = planOf(state);
  }

  /**
   * Brings a lab up, or goes on with one that is already up (also after its supervisor was killed).
   * @throws MeshError CONFIG_INVALID, LAB_INVALID_STATE (another lab of that name is up; a cluster failed; aborted), TIMEOUT
   */
  static async up(topology: Partial<Topology>, options: UpOptions = {}): Promise<Lab> {
    const { clock = systemClock } = options;
    const wanted = parseTopology(topology);
    const existing = await findLab(wanted.mesh);
    if (existing !== undefined && !isDeepStrictEqual(existing.topology, wanted)) {
      throw new MeshError(
        'LAB_INVALID_STATE',
        `lab ${wanted.mesh} is up with other clusters: clustermesh lab down first`,
      );
    }
    const state = existing ?? (await describeLab(wanted, options));
    try {
      if (existing === undefined) await writeLabState(planOf(state).stateDir, state);
      await bringUp(state, clock, options);
      return new Lab(state);
    } catch (error) {
      if (existing === undefined && options.signal?.aborted === true) await takeDown(wanted.mesh, clock);
      throw error;
    }
  }

  /** @throws MeshError LAB_INVALID_STATE when no such lab is up */
  static async attach(mesh = 'lab'): Promise<Lab> {
    const state = await findLab(mesh);
    if (state === undefined) {
      throw new MeshError('LAB_INVALID_STATE', `lab ${mesh} is not up: clustermesh lab up`);
    }
    return new Lab(state);
  }

  /** Removes everything of a mesh, whatever is left of it. Needs no supervisor; may be repeated. */
  static async down(mesh = 'lab', clock: Clock = systemClock): Promise<void> {
    await takeDown(mesh, clock);
  }

  get topology(): Topology {
    return this.#state.topology;
  }

  get mode(): LabMode {
    return this.#plan.mode;
  }

  /** Why there are no packets between pods here; undefined where there are. */
  get limitation(): string | undefined {
    return this.#state.limitation;
  }

  /** Logs of all programs: `<cluster>/<namespace>_<pod>_<container>.log`, `supervisor.log`, … */
  get logDir(): string {
    return join(this.#plan.stateDir, 'logs');
  }

  status(signal?: AbortSignal): Promise<LabStatus> {
    return fetchStatus(this.#plan.stateDir, signal);
  }

  /** The file of all clusters, or of one; contexts are named after the clusters. */
  kubeconfigPath(cluster?: string): string {
    if (cluster !== undefined) clusterOf(this.#plan, cluster);
    return kubeconfigFile(this.#plan.stateDir, cluster);
  }

  kube(cluster: string): KubeClient {
    const existing = this.#clients.get(cluster);
    if (existing !== undefined) return existing;
    const client = adminClient(contextIn(readFileSync(this.kubeconfigPath(cluster), 'utf8')));
    this.#clients.set(cluster, client);
    return client;
  }

  /** Unix socket of a node's agent. */
  agentSocket(cluster: string, node: string): string {
    return hostDirectory(nodeOf(clusterOf(this.#plan, cluster), node), agentSocketPath);
  }

  /** Runs a program of this machine in a pod's network and cgroup, as `kubectl exec` does with a container's. */
  async exec(
    cluster: string,
    pod: PodName,
    argv: readonly string[],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    return runCommand(await this.execArgv(cluster, pod, argv), options);
  }

  /** The same as a command line, for who wants to give it a terminal. */
  async execArgv(cluster: string, pod: PodName, argv: readonly string[]): Promise<readonly string[]> {
    const object = await this.kube(cluster).get(pods, podRef(pod));
    const node = nodeOf(clusterOf(this.#plan, cluster), nodeNameOf(object));
    if (isShownOnly(node, object)) {
      throw new MeshError(
        'LAB_INVALID_STATE',
        `run ${argv[0] ?? ''} in pod ${pod}: rootless pods have no network of their own`,
      );
    }
    return placedArgv(argv, podPlace(node, object));
  }

  /** Loses all packets between this cluster's control plane and the others'; pods are not touched. */
  async cutLink(cluster: string): Promise<void> {
    this.#needsRoot('cut a link');
    await cutControlLink(this.#plan, clusterOf(this.#plan, cluster));
  }

  async restoreLink(cluster: string): Promise<void> {
    this.#needsRoot('restore a link');
    await restoreControlLink(this.#plan, clusterOf(this.#plan, cluster));
  }

  isLinkCut(cluster: string): Promise<boolean> {
    return isControlLinkCut(clusterOf(this.#plan, cluster));
  }

  async down(): Promise<void> {
    for (const client of this.#clients.values()) client[Symbol.dispose]();
    this.#clients.clear();
    await Lab.down(this.#plan.mesh);
  }

  #needsRoot(what: string): void {
    if (this.#plan.mode === 'root') return;
    throw new MeshError('LAB_INVALID_STATE', `${what}: rootless clusters share one network`);
  }
}

async function describeLab(topology: Topology, { mode, kubeAssets, installMesh = true }: UpOptions): Promise<LabState> {
  const { layout, limitation } = await probeHost(mode);
  await requirePrograms(layout.mode);
  return {
    topology,
    layout,
    installMesh,
    ...(limitation === undefined ? {} : { limitation }),
    ...(kubeAssets === undefined ? {} : { kubeAssets }),
  };
}

async function findLab(mesh: string): Promise<LabState | undefined> {
  for (const { stateRoot } of [rootLayout(undefined), rootlessLayout()]) {
    const state = await readLabState(join(stateRoot, mesh)).catch(() => undefined); // another user's is not ours
    if (state !== undefined) return state;
  }
  return undefined;
}

async function bringUp(
  state: LabState,
  clock: Clock,
  { onProgress = () => undefined, signal }: UpOptions,
): Promise<void> {
  const plan = planOf(state);
  if (state.limitation !== undefined) onProgress(`rootless: ${state.limitation}; packets between pods are not shown`);
  if ((await findSupervisor(plan.stateDir)) === undefined) await startSupervisor(plan, clock);
  await untilReady(plan.stateDir, { onProgress, clock, signal });
}

async function startSupervisor({ stateDir, cgroup }: MeshPlan, clock: Clock): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const argv = [...nodeProgram('packages/lab/src/supervisor/main.ts'), `--state-dir=${stateDir}`];
  const place = cgroup === undefined ? {} : { cgroup: join(cgroup, 'supervisor') };
  const runner = new ProcessRunner({ stateDir, clock });
  const { record } = await runner.start({ argv, env: nodeEnv, place, logFile: supervisorLog(stateDir) });
  await writeSupervisorRecord(stateDir, record);
}

async function untilReady(
  stateDir: string,
  { onProgress, clock, signal }: { onProgress: (line: string) => void; clock: Clock; signal: AbortSignal | undefined },
): Promise<void> {
  const deadline = clock.monotonicMs() + upDeadlineMs;
  const told = new Map<string, string>();
  let clusters: readonly ClusterStatus[] = [];
  while (clock.monotonicMs() < deadline) {
    if (signal?.aborted === true) throw new MeshError('LAB_INVALID_STATE', 'bring the lab up (interrupted)');
    clusters = await currentClusters(stateDir);
    for (const { name, phase, reason } of clusters) {
      if (phase === 'failed') throw new MeshError('LAB_INVALID_STATE', `bring up cluster ${name}: ${reason}`);
      if (told.get(name) === phase) continue;
      told.set(name, phase);
      onProgress(`${name}: ${phase}`);
    }
    if (clusters.length > 0 && clusters.every(({ phase }) => phase === 'ready')) return;
    await clock.sleep(statusPollMs, signal);
  }
  const missing = clusters.filter(({ phase }) => phase !== 'ready').map(({ name, reason }) => `${name}: ${reason}`);
  throw new MeshError('TIMEOUT', `bring the lab up within ${upDeadlineMs / 1000} s: ${missing.join('; ')}`);
}

/** Empty while the supervisor starts. @throws MeshError LAB_INVALID_STATE with its last words when it has ended */
async function currentClusters(stateDir: string): Promise<readonly ClusterStatus[]> {
  try {
    return (await fetchStatus(stateDir)).clusters;
  } catch {
    if ((await findSupervisor(stateDir)) !== undefined) return [];
    const log = await readFile(supervisorLog(stateDir), 'utf8').catch(() => '');
    throw new MeshError('LAB_INVALID_STATE', `supervisor of ${stateDir} ended: ${log.trim().split('\n').at(-1) ?? ''}`);
  }
}

function podRef(pod: PodName): { readonly namespace: string; readonly name: string } {
  const [first = '', second] = pod.split('/');
  return second === undefined ? { namespace: 'default', name: first } : { namespace: first, name: second };
}

function nodeNameOf(pod: Pod): string {
  if (pod.spec.nodeName !== undefined) return pod.spec.nodeName;
  throw new MeshError('LAB_INVALID_STATE', `pod ${objectKey(pod)} has no node yet`);
}
