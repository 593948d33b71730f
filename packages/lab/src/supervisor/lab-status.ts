import type { ContainerStatus, Pod } from '@clustermesh/kube';

import type { ClusterView } from '../cluster-view.ts';
import { isReady, isTerminating } from '../controllers/owned-pods.ts';
import type { ClusterPlan, LabMode } from '../mesh-plan.ts';
import type { Cut } from '../network/cuts.ts';

export interface LabStatus extends SupervisorStatus {
  /** What was cut and not yet restored. */
  readonly cuts: readonly Cut[];
}

/** What the supervisor answers on its socket. */
export interface SupervisorStatus {
  readonly mesh: string;
  readonly mode: LabMode;
  /** What this machine cannot show; absent in root mode. */
  readonly limitation?: string;
  readonly supervisorPid: number;
  readonly clusters: readonly ClusterStatus[];
  /** Programs of the lab itself that should run and do not. */
  readonly troubles: readonly string[];
}

export type ClusterPhase = 'starting' | 'installing' | 'settling' | 'ready' | 'failed';

export interface ClusterStatus {
  readonly name: string;
  readonly id: number;
  readonly phase: ClusterPhase;
  /** What it waits for, or why it failed; empty when ready. */
  readonly reason: string;
  readonly kubeconfig: string;
  readonly nodes: readonly NodeStatus[];
  readonly pods: readonly PodSummary[];
}

export interface NodeStatus {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
}

export interface PodSummary {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly ip: string;
  readonly isReady: boolean;
  /** Of all its containers. */
  readonly restarts: number;
  /** Why it is not ready; empty when it is. */
  readonly reason: string;
}

export function podSummary(pod: Pod): PodSummary {
  const { metadata, spec, status } = pod;
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    node: spec.nodeName ?? '',
    ip: status?.podIP ?? '',
    isReady: isReady(pod),
    restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
    reason: isReady(pod) ? '' : reasonOf(pod),
  };
}

function reasonOf(pod: Pod): string {
  if (isTerminating(pod)) return 'terminating';
  if (pod.spec.nodeName === undefined) return 'waits for a node';
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const reasons = [
    ...initContainerStatuses.map(whyNotRun),
    ...containerStatuses.map(
      (status) => whyNotRun(status) ?? (status.ready ? undefined : `${status.name} is not ready yet`),
    ),
  ];
  return reasons.find((reason) => reason !== undefined) ?? 'starts';
}

function whyNotRun({ name, state }: ContainerStatus): string | undefined {
  if (state?.waiting !== undefined) {
    return [name, state.waiting.reason, state.waiting.message].filter((part) => part !== undefined).join(': ');
  }
  const exitCode = state?.terminated?.exitCode ?? 0;
  return exitCode === 0 ? undefined : `${name} ended with exit code ${exitCode}`;
}

/** What the mesh's own workloads of a cluster still wait for; empty when all is there. */
export function waitsFor(plan: ClusterPlan, view: ClusterView): readonly string[] {
  const deployment = view.get('deployments', 'kube-system/clustermesh-apiserver');
  const daemonSet = view.get('daemonSets', 'kube-system/clustermesh-agent');
  const missing = [
    ...((deployment?.status?.availableReplicas ?? 0) >= (deployment?.spec.replicas ?? 1)
      ? []
      : ['clustermesh-apiserver']),
    ...((daemonSet?.status?.numberReady ?? 0) >= plan.nodes.length ? [] : ['clustermesh-agent']),
  ];
  const details = view
    .list('pods')
    .filter((pod) => !isReady(pod) && missing.some((name) => pod.metadata.name.startsWith(name)))
    .map((pod) => `${pod.metadata.name}: ${reasonOf(pod)}`);
  return [...missing.map((name) => `${name} is not ready`), ...details];
}
