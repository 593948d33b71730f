import { objectKey, pods } from '@clustermesh/kube';
import type { Container, KubeClient, Pod } from '@clustermesh/kube';
import { aborted, hasCode, isAborted } from '@clustermesh/runtime';
import { join } from 'node:path';

import type { Dial } from '../gateway/dial.ts';
import type { NodePlan } from '../mesh-plan.ts';
import type { ProcessRunner } from '../process/process-runner.ts';
import { ReconcileLoop } from '../reconcile-loop.ts';
import type { LoopDeps } from '../reconcile-loop.ts';
import type { AddressPool } from './address-pool.ts';
import { containerCommand } from './container-command.ts';
import { ContainerRunner } from './container-runner.ts';
import type { RestartPolicy } from './container-runner.ts';
import type { ObjectFiles } from './object-files.ts';
import { isShownOnly, podPlace } from './pod-place.ts';
import type { PodPlace } from './pod-place.ts';
import { ensureSandbox, removeSandbox } from './pod-sandbox.ts';
import { isSaid, podStatus } from './pod-status.ts';
import type { ContainerView, PodView } from './pod-status.ts';
import { PodVolumes } from './pod-volumes.ts';
import { programName } from './programs.ts';
import type { ProgramTable } from './programs.ts';
import { followReadiness } from './readiness.ts';

export interface PodDeps extends LoopDeps {
  readonly client: KubeClient;
  readonly node: NodePlan;
  readonly runner: ProcessRunner;
  readonly objects: ObjectFiles;
  readonly programs: ProgramTable;
  readonly pool: AddressPool;
  readonly dial: Dial;
  /** Logs of all pods of the mesh. */
  readonly logDir: string;
  /** Set in every container, below what the pod itself says: the way to the Kubernetes API, caches. */
  readonly baseEnv: (pod: Pod) => Promise<Readonly<Record<string, string>>>;
}

const volumePollMs = 300;
const defaultGraceSeconds = 10;

/** The life of one pod on its node, from its place to its end. */
export class PodWorker {
  #pod: Pod;
  readonly #deps: PodDeps;
  readonly #place: PodPlace;
  readonly #volumes: PodVolumes;
  readonly #initContainers: readonly ContainerRunner[];
  readonly #containers: readonly ContainerRunner[];
  readonly #removed = new AbortController();
  readonly #status: ReconcileLoop;
  /** Of one or both families, the first one first; empty until the pod has its place. */
  #podIps: readonly string[] = [];
  #baseEnv: Readonly<Record<string, string>> = {};

  constructor(pod: Pod, deps: PodDeps) {
    this.#pod = pod;
    this.#deps = deps;
    this.#place = podPlace(deps.node, pod);
    this.#volumes = new PodVolumes(pod, deps.node, this.#place.directory, deps.objects);
    this.#status = new ReconcileLoop(`status of ${objectKey(pod)}`, (signal) => this.#publish(signal), deps);
    this.#initContainers = (pod.spec.initContainers ?? []).map((container) => this.#runner(container));
    this.#containers = pod.spec.containers.map((container) => this.#runner(container));
  }

  get name(): string {
    return objectKey(this.#pod);
  }

  /** The pod's newest version. One that is being deleted ends. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.spec.readinessGates !== undefined) this.#status.trigger(); // one may have been opened
    if (pod.metadata.deletionTimestamp !== undefined) this.remove();
  }

  /** The pod is no longer wanted, or no longer exists. */
  remove(): void {
    this.#removed.abort();
  }

  /** Brings mounted Secrets and ConfigMaps up to date. */
  async syncVolumes(): Promise<void> {
    if (this.#podIps.length > 0 && !this.#removed.signal.aborted) await this.#volumes.sync();
  }

  /** Returns when the pod is gone, or `signal` aborts: then its processes go on running, for the next run to adopt. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const wanted = AbortSignal.any([signal, this.#removed.signal]);
    const life = async (): Promise<void> => {
      await this.#live(wanted);
      await aborted(wanted);
      if (this.#removed.signal.aborted) await this.#end(signal);
      ended.abort();
    };
    await Promise.all([life(), this.#status.run(AbortSignal.any([signal, ended.signal]))]);
  }

  async #live(signal: AbortSignal): Promise<void> {
    const { spec } = this.#pod;
    const isHostNetwork = spec.hostNetwork === true;
    const { pool, node } = this.#deps;
    const sandbox = await ensureSandbox({ place: this.#place, isHostNetwork, pool, podCidr6: node.podCidr6 });
    this.#podIps = [sandbox.address ?? node.address, ...(sandbox.address6 === undefined ? [] : [sandbox.address6])];
    this.#status.trigger();
    if (isShownOnly(this.#deps.node, this.#pod)) return;
    this.#baseEnv = await this.#deps.baseEnv(this.#pod);
    await this.#waitForVolumes(signal);
    for (const container of this.#initContainers) {
      await container.run(spec.restartPolicy === 'Never' ? 'Never' : 'OnFailure', signal);
      if (isAborted(signal) || container.view.state.terminated?.exitCode !== 0) return;
    }
    await this.#runContainers(spec.restartPolicy ?? 'Always', signal);
  }

  async #runContainers(policy: RestartPolicy, signal: AbortSignal): Promise<void> {
    const probes = new AbortController();
    const probing = AbortSignal.any([signal, probes.signal]);
    const readiness = this.#containers.map((runner) => this.#followReadiness(runner, probing));
    await Promise.all(this.#containers.map((runner) => runner.run(policy, signal)));
    probes.abort();
    await Promise.all(readiness);
  }

  #followReadiness(runner: ContainerRunner, signal: AbortSignal): Promise<void> {
    const { container } = runner;
    const { dial, clock } = this.#deps;
    const names = this.#volumes.namesOf(container);
    const translate = (text: string): string => names.translate(text);
    const target = { container, podIp: this.#podIps[0] ?? '', place: this.#place, dial, translate };
    return followReadiness(target, runner, clock, signal);
  }

  async #waitForVolumes(signal: AbortSignal): Promise<void> {
    for (;;) {
      const synced = await this.#volumes.sync();
      if (synced.ok || isAborted(signal)) return;
      this.#deps.log.debug({ pod: objectKey(this.#pod), reason: synced.reason }, 'waiting for a volume');
      await this.#deps.clock.sleep(volumePollMs, signal);
    }
  }

  /** Ends the processes in their order of dignity, takes the place away, and tells the API that the pod is gone. */
  async #end(signal: AbortSignal): Promise<void> {
    const { client, pool, clock } = this.#deps;
    const graceMs = 1000 * (this.#pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds);
    await Promise.all([...this.#containers, ...this.#initContainers].map((container) => container.terminate(graceMs)));
    await removeSandbox(this.#place.directory, pool, clock);
    try {
      const { uid } = this.#pod.metadata;
      const precondition = uid === undefined ? {} : { uid };
      await client.delete(pods, this.#pod.metadata, { gracePeriodSeconds: 0, ...precondition }, signal);
    } catch (error) {
      if (!hasCode(error, 'KUBE_NOT_FOUND', 'KUBE_CONFLICT')) throw error;
    }
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#deps;
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const status = podStatus(this.#view(), now);
    if (isSaid(this.#pod.status, status)) return;
    try {
      const options = { kind: 'strategic', subresource: 'status' } as const; // conditions of others stay
      const patched = await client.patch(pods, this.#pod.metadata, { status }, options, signal);
      if (this.#pod.metadata.uid === patched.metadata.uid)
        this.#pod = { ...this.#pod, status: patched.status ?? status };
    } catch (error) {
      if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
    }
  }

  #view(): PodView {
    const shown = isShownOnly(this.#deps.node, this.#pod) && this.#podIps.length > 0;
    const view = ({ view: seen }: ContainerRunner): ContainerView => (shown ? asRunning(seen, this.#pod) : seen);
    return {
      pod: this.#pod,
      podIps: this.#podIps,
      hostIp: this.#deps.node.address,
      initContainers: shown ? [] : this.#initContainers.map(view),
      containers: this.#containers.map(view),
    };
  }

  #runner(container: Container): ContainerRunner {
    const { namespace = '', name } = this.#pod.metadata;
    const { node, programs, objects } = this.#deps;
    const { initContainerStatuses = [], containerStatuses = [] } = this.#pod.status ?? {};
    return new ContainerRunner(container, {
      ...this.#deps,
      place: this.#place,
      logFile: join(this.#deps.logDir, node.cluster, `${namespace}_${name}_${container.name}.log`),
      recordFile: join(this.#place.directory, 'containers', `${container.name}.json`),
      program: { name: programName(container), pod: `${namespace}/${name}` },
      changed: () => this.#status.trigger(),
      lastStatus: [...initContainerStatuses, ...containerStatuses].find((status) => status.name === container.name),
      command: (wanted) => {
        const command = containerCommand(wanted, {
          pod: this.#pod,
          podIps: this.#podIps,
          hostIp: node.address,
          programs,
          names: this.#volumes.namesOf(wanted),
          objects,
        });
        return command.ok
          ? { ok: true, value: { ...command.value, env: { ...this.#baseEnv, ...command.value.env } } }
          : command;
      },
    });
  }
}

/** Rootless: the pod is shown as if it ran, so that services and the mesh have something to carry. */
function asRunning(view: ContainerView, { metadata }: Pod): ContainerView {
  return { ...view, isReady: true, state: { running: { startedAt: metadata.creationTimestamp ?? '' } } };
}
