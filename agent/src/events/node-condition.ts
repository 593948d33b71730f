import { nodes } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { every } from '@clustermesh/runtime';
import type { Clock, Health, Logger } from '@clustermesh/runtime';

import type { AgentStatus } from '../status/agent-status.ts';

export interface NodeConditionDeps {
  readonly kube: Pick<KubeClient, 'get' | 'patch'>;
  readonly status: () => AgentStatus;
  readonly notReady: () => string | undefined;
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Logger;
}

const lookMs = 10_000;
const conditionType = 'ClusterMeshReady';

interface State {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Keeps the condition ClusterMeshReady of this node: `kubectl describe node` shows it. Written when it changes. */
export class NodeCondition {
  readonly #deps: NodeConditionDeps;
  #written: string | undefined;

  constructor(deps: NodeConditionDeps) {
    this.#deps = deps;
  }

  run(signal: AbortSignal): Promise<void> {
    return every(lookMs, (inner) => this.#look(inner), { ...this.#deps, name: 'node-condition' }, signal);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { kube, clock, status, notReady } = this.#deps;
    const agent = status();
    const state = conditionOf(agent, notReady());
    if (JSON.stringify(state) === this.#written) return;
    const node = await kube.get(nodes, { name: agent.node }, signal);
    const before = node.status?.conditions?.find(({ type }) => type === conditionType);
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const since = before?.status === state.status ? (before.lastTransitionTime ?? now) : now;
    const condition = { type: conditionType, ...state, lastHeartbeatTime: now, lastTransitionTime: since };
    const patch = { status: { conditions: [condition] } };
    await kube.patch(nodes, { name: agent.node }, patch, { kind: 'strategic', subresource: 'status' }, signal);
    this.#written = JSON.stringify(state);
  }
}

/** Stale clusters do not make a node unready: what it has of them is served. */
export function conditionOf({ clusters, datapath }: AgentStatus, notReady: string | undefined): State {
  if (notReady !== undefined) return { status: 'False', reason: 'NotSynced', message: notReady };
  if (datapath.mode !== 'ebpf') {
    return { status: 'False', reason: 'NoDatapath', message: `no traffic is served: ${datapath.reason}` };
  }
  const bad = clusters.filter(({ state }) => state !== 'ready').map(({ name, state }) => `${name} ${state}`);
  if (bad.length === 0) return { status: 'True', reason: 'Synced', message: `${clusters.length} remote clusters` };
  return { status: 'True', reason: 'ClustersNotReady', message: bad.join(', ') };
}
