import { nodes } from '@clustermesh/kube';
import type { Node, Pod } from '@clustermesh/kube';
import { describeError, hasCode, isAborted } from '@clustermesh/runtime';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { ClusterView } from '../cluster-view.ts';
import { untilAnswered } from '../control-plane/until-answered.ts';
import type { NodePlan } from '../mesh-plan.ts';
import { ReconcileLoop } from '../reconcile-loop.ts';
import { AddressPool } from './address-pool.ts';
import { readSandbox, removeSandbox } from './pod-sandbox.ts';
import { hostDirectory } from './pod-volumes.ts';
import { PodWorker } from './pod-worker.ts';
import type { PodDeps } from './pod-worker.ts';

export interface KubeletDeps extends Omit<PodDeps, 'objects' | 'pool' | 'node'> {
  readonly node: NodePlan;
  readonly view: ClusterView;
}

const retryMs = 1000;
/** Where the manifests put the agent's status socket. */
export const agentSocketPath = '/var/run/clustermesh/agent.sock';
/** Tells the command line that the socket of this node's agent is on this machine, and where. */
const agentSocketAnnotation = 'lab.clustermesh.io/agent-socket';

/** As `kubelet --register-with-taints` on real nodes; the agent takes it off (its setting `startup-taint`). */
const startupTaint = 'node.clustermesh.io/agent-not-ready';

/** Runs the pods that are bound to one node. */
export class Kubelet {
  readonly #deps: KubeletDeps;
  readonly #pool: AddressPool;
  readonly #workers = new Map<string, { readonly worker: PodWorker; readonly ended: Promise<void> }>();
  /** Pods that are gone from here while the view may still show them. */
  readonly #gone = new Set<string>();
  readonly #podLoop: ReconcileLoop;

  constructor(deps: KubeletDeps) {
    this.#deps = deps;
    this.#pool = new AddressPool(deps.node.podCidr);
    this.#podLoop = new ReconcileLoop(`pods of ${deps.node.name}`, async (signal) => this.#syncPods(signal), deps);
  }

  /** Ends when `signal` aborts; the pods go on running. */
  async run(signal: AbortSignal): Promise<void> {
    const { view, log } = this.#deps;
    await untilAnswered(() => this.#register(signal), this.#deps.clock, signal);
    await view.synced;
    if (isAborted(signal)) return; // perhaps nothing was seen: no pod is gone for that
    await this.#reclaim();
    const volumeLoop = new ReconcileLoop('volumes', () => this.#syncVolumes(), this.#deps);
    view.follow(['pods'], () => this.#podLoop.trigger());
    view.follow(['secrets', 'configMaps'], () => volumeLoop.trigger());
    log.debug({ node: this.#deps.node.name }, 'kubelet runs');
    await Promise.all([this.#podLoop.run(signal), volumeLoop.run(signal)]);
    await Promise.all([...this.#workers.values()].map(({ ended }) => ended));
  }

  #syncPods(signal: AbortSignal): void {
    const wanted = new Map(this.#podsHere().map((pod) => [pod.metadata.uid ?? '', pod]));
    for (const uid of this.#gone) if (!wanted.has(uid)) this.#gone.delete(uid);
    for (const [uid, pod] of wanted) {
      if (this.#gone.has(uid)) continue;
      const worker = this.#workers.get(uid)?.worker ?? this.#start(uid, pod, signal);
      worker.update(pod);
    }
    for (const [uid, { worker }] of this.#workers) if (!wanted.has(uid)) worker.remove();
  }

  #start(uid: string, pod: Pod, signal: AbortSignal): PodWorker {
    const { view: objects } = this.#deps;
    const worker = new PodWorker(pod, { ...this.#deps, objects, pool: this.#pool });
    const ended = this.#follow(uid, worker, signal);
    this.#workers.set(uid, { worker, ended });
    return worker;
  }

  async #follow(uid: string, worker: PodWorker, signal: AbortSignal): Promise<void> {
    try {
      await worker.run(signal);
      this.#gone.add(uid);
      this.#workers.delete(uid);
    } catch (error) {
      this.#deps.log.warn({ pod: worker.name, reason: describeError(error) }, 'pod failed, will retry');
      await this.#deps.clock.sleep(retryMs, signal);
      this.#workers.delete(uid);
      this.#podLoop.trigger();
    }
  }

  async #syncVolumes(): Promise<void> {
    await Promise.all([...this.#workers.values()].map(({ worker }) => worker.syncVolumes()));
  }

  #podsHere(): readonly Pod[] {
    return this.#deps.view.list('pods').filter(({ spec }) => spec.nodeName === this.#deps.node.name);
  }

  /** After a restart: addresses in use stay in use, and pods deleted meanwhile are cleared away. */
  async #reclaim(): Promise<void> {
    const directory = join(this.#deps.node.dir, 'pods');
    const uids = await readdir(directory).catch((): string[] => []);
    const alive = new Set(this.#podsHere().map(({ metadata }) => metadata.uid));
    for (const uid of uids) {
      const address = (await readSandbox(join(directory, uid)))?.address;
      if (address !== undefined) this.#pool.reserve(address);
      if (!alive.has(uid)) await removeSandbox(join(directory, uid), this.#pool, this.#deps.clock);
    }
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { client, node } = this.#deps;
    const object = nodeObject(node, new Date(this.#deps.clock.now()).toISOString());
    try {
      await client.create(nodes, object, signal);
    } catch (error) {
      if (!hasCode(error, 'KUBE_ALREADY_EXISTS')) throw error;
    }
    const options = { kind: 'strategic', subresource: 'status' } as const; // conditions of others stay
    await client.patch(nodes, object.metadata, { status: object.status }, options, signal);
  }
}

export function nodeObject(node: NodePlan, now: string): Node {
  const capacity = { cpu: '2', memory: '2Gi', pods: '250' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: {
        'kubernetes.io/hostname': node.name,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/region': node.cluster,
        'topology.kubernetes.io/zone': node.zone,
      },
      annotations: { [agentSocketAnnotation]: hostDirectory(node, agentSocketPath) },
    },
    spec: {
      podCIDR: node.podCidr,
      podCIDRs: [node.podCidr, ...(node.podCidr6 === undefined ? [] : [node.podCidr6])],
      ...(node.hasStartupTaint ? { taints: [{ key: startupTaint, effect: 'NoSchedule' }] } : {}),
    },
    status: {
      addresses: [
        { type: 'InternalIP', address: node.address },
        { type: 'Hostname', address: node.name },
      ],
      conditions: [
        { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now, lastTransitionTime: now },
      ],
      nodeInfo: { kubeletVersion: 'v1.36.0-clustermesh-lab', operatingSystem: 'linux', osImage: 'clustermesh lab' },
      capacity,
      allocatable: capacity,
    },
  };
}
