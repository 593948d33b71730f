import { objectKey, pods } from '@clustermesh/kube';
import type { HttpKubeClient, KubeClient, Pod } from '@clustermesh/kube';
import { MeshError, systemClock } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { bringUpLab, findLab } from './bring-up.ts';
import type { UpOptions } from './bring-up.ts';
import { runCommand } from './command.ts';
import type { CommandOptions, CommandResult } from './command.ts';
import { adminClient } from './control-plane/admin-client.ts';
import { contextIn } from './control-plane/kubeconfig.ts';
import { takeDown } from './down.ts';
import { agentSocketPath } from './kubelet/kubelet.ts';
import { isShownOnly, podPlace } from './kubelet/pod-place.ts';
import { hostDirectory, mountedNames } from './kubelet/pod-volumes.ts';
import { clusterOf, nodeOf } from './mesh-plan.ts';
import type { LabMode, MeshPlan } from './mesh-plan.ts';
import { findPrograms, killPrograms } from './lab-programs.ts';
import type { LabProgram, ProgramRef } from './lab-programs.ts';
import { completeCut } from './network/cuts.ts';
import type { Cut, CutRequest } from './network/cuts.ts';
import { applyCuts, readCuts } from './network/network.ts';
import { placedArgv } from './process/process-runner.ts';
import { LabSamples } from './samples/lab-samples.ts';
import { findSupervisor, kubeconfigFile, planOf } from './supervisor/lab-state.ts';
import type { LabState } from './supervisor/lab-state.ts';
import type { LabStatus } from './supervisor/lab-status.ts';
import { fetchStatus } from './supervisor/status-server.ts';
import { parseTopology, upCommand } from './topology.ts';
import type { Topology, TopologyInput } from './topology.ts';

/** A pod by its name in namespace `default`, or as `namespace/name`. */
export type PodName = string;

/** A mesh of clusters on this machine. It lives on its own: this object is a way to it, not its owner. */
export class Lab {
  readonly #plan: MeshPlan;
  readonly #state: LabState;
  readonly #clients = new Map<string, HttpKubeClient>();
  /** Undefined where the topology has none. */
  readonly samples: LabSamples | undefined;

  private constructor(state: LabState) {
    this.#state = state;
    this.#plan = planOf(state);
    this.samples = this.#plan.samples && new LabSamples(this.#plan.samples);
  }

  /**
   * Brings a lab up, or goes on with one that is already up (also after its supervisor was killed).
   * @throws MeshError CONFIG_INVALID, LAB_INVALID_STATE (another lab of that name is up; a cluster failed; aborted), TIMEOUT
   */
  static async up(topology: TopologyInput, options: UpOptions = {}): Promise<Lab> {
    return new Lab(await bringUpLab(parseTopology(topology), options));
  }

  /** @throws MeshError LAB_INVALID_STATE when no such lab is up */
  static async attach(mesh = 'lab'): Promise<Lab> {
    const state = await findLab(mesh);
    if (state === undefined) {
      throw new MeshError(
        'LAB_INVALID_STATE',
        `lab ${mesh} is not up: clustermesh lab up${mesh === 'lab' ? '' : ` --mesh ${mesh}`}`,
      );
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

  /** @throws MeshError LAB_INVALID_STATE when its supervisor has ended; clusters and pods may run on without it */
  async status(signal?: AbortSignal): Promise<LabStatus> {
    if ((await findSupervisor(this.#plan.stateDir)) === undefined) {
      const { mesh } = this.#plan;
      const command = upCommand(this.topology);
      const what = `the supervisor of lab ${mesh} has ended: ${command} takes over, clustermesh lab down --mesh ${mesh} removes the lab`;
      throw new MeshError('LAB_INVALID_STATE', what);
    }
    const [status, cuts] = await Promise.all([fetchStatus(this.#plan.stateDir, signal), readCuts(this.#plan)]);
    return { ...status, cuts };
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

  /**
   * The same as a command line, for who wants to give it a terminal.
   * @param container whose volumes the paths in `argv` are meant in
   */
  async execArgv(
    cluster: string,
    pod: PodName,
    argv: readonly string[],
    container?: string,
  ): Promise<readonly string[]> {
    if (this.samples?.has(cluster) === true) return placedArgv(argv, this.samples.podPlace(cluster, pod));
    const object = await this.kube(cluster).get(pods, podRef(pod));
    const node = nodeOf(clusterOf(this.#plan, cluster), nodeNameOf(object));
    if (isShownOnly(node, object)) {
      throw new MeshError(
        'LAB_INVALID_STATE',
        `run ${argv[0] ?? ''} in pod ${pod}: rootless pods have no network of their own`,
      );
    }
    const place = podPlace(node, object);
    if (container === undefined) return placedArgv(argv, place);
    const names = mountedNames(object, node, place.directory, container);
    return placedArgv(
      argv.map((word) => names.translate(word)),
      place,
    );
  }

  /**
   * Loses packets between a cluster and others as a broken line does: nobody is told. Cuts add up.
   * @throws MeshError CONFIG_INVALID, LAB_INVALID_STATE (rootless; no such cluster)
   */
  async cut(request: CutRequest): Promise<Cut> {
    this.#needsRoot(`cut ${request.cluster}`);
    const cut = completeCut(this.#plan, request);
    const others = (await readCuts(this.#plan)).filter((other) => !isDeepStrictEqual(other, cut));
    await applyCuts(this.#plan, [...others, cut]);
    return cut;
  }

  /** Takes back every cut of this cluster; those of others stay, also where they are cut off from it. */
  async restore(cluster: string): Promise<readonly Cut[]> {
    this.#needsRoot(`restore ${cluster}`);
    const { name } = clusterOf(this.#plan, cluster);
    const cuts = await readCuts(this.#plan);
    await applyCuts(
      this.#plan,
      cuts.filter((cut) => cut.cluster !== name),
    );
    return cuts.filter((cut) => cut.cluster === name);
  }

  cuts(): Promise<readonly Cut[]> {
    return readCuts(this.#plan);
  }

  /** The running programs of a cluster; of all, and the lab's own, when none is named. */
  async programs(cluster?: string): Promise<readonly LabProgram[]> {
    if (cluster !== undefined) clusterOf(this.#plan, cluster);
    return findPrograms(this.#plan, cluster);
  }

  /**
   * Signals a program of a cluster (of the lab itself: undefined), on all its nodes or the one that is named.
   * @returns what was signalled
   * @throws MeshError LAB_INVALID_STATE when no such program runs
   */
  async kill(
    cluster: string | undefined,
    program: ProgramRef,
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<readonly LabProgram[]> {
    if (cluster !== undefined) clusterOf(this.#plan, cluster);
    return killPrograms(this.#plan, cluster, program, signal);
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

function podRef(pod: PodName): { readonly namespace: string; readonly name: string } {
  const [first = '', second] = pod.split('/');
  return second === undefined ? { namespace: 'default', name: first } : { namespace: first, name: second };
}

function nodeNameOf(pod: Pod): string {
  if (pod.spec.nodeName !== undefined) return pod.spec.nodeName;
  throw new MeshError('LAB_INVALID_STATE', `pod ${objectKey(pod)} has no node yet`);
}
