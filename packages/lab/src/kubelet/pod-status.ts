import type { Condition, ContainerState, ContainerStatus, Pod, PodStatus } from '@clustermesh/kube';
import { isDeepStrictEqual } from 'node:util';

/** One container as its runner sees it. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly isReady: boolean;
  readonly restartCount: number;
}

export interface PodView {
  readonly pod: Pod;
  /** Of one or both families, the first one first; empty until the pod has its place. */
  readonly podIps: readonly string[];
  readonly hostIp: string;
  readonly initContainers: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
}

/**
 * What the kubelet says of a pod; others may say more (conditions of their own).
 * @param now RFC 3339; the time of conditions that change with this status
 */
export function podStatus(view: PodView, now: string): PodStatus {
  const { pod, podIps, hostIp, initContainers, containers } = view;
  const [podIp] = podIps;
  return {
    phase: phaseOf(view),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: podIps.map((ip) => ({ ip })) }),
    startTime: pod.status?.startTime ?? now,
    conditions: ownConditions(view, now),
    initContainerStatuses: initContainers.map(containerStatus),
    containerStatuses: containers.map(containerStatus),
  };
}

/** Ready also waits for the conditions that the pod's readiness gates name; those are written by others. */
function ownConditions({ pod, initContainers, containers }: PodView, now: string): readonly Condition[] {
  const isInitialized = initContainers.every(({ state }) => state.terminated?.exitCode === 0);
  const areReady = containers.every(({ isReady }) => isReady);
  const gates = pod.spec.readinessGates ?? [];
  const areOpen = gates.every(({ conditionType }) => isTrue(pod.status, conditionType));
  return [
    condition('PodScheduled', true, pod.status, now),
    condition('Initialized', isInitialized, pod.status, now),
    condition('ContainersReady', areReady, pod.status, now),
    condition('Ready', areReady && areOpen, pod.status, now),
  ];
}

/** Has all of `said` been said before? */
export function isSaid(before: PodStatus | undefined, said: PodStatus): boolean {
  const types = new Set(said.conditions?.map(({ type }) => type));
  const conditions = before?.conditions?.filter(({ type }) => types.has(type));
  const known: Readonly<Record<string, unknown>> = { ...before, conditions };
  return Object.entries(said).every(([field, value]) => isDeepStrictEqual(known[field], value));
}

function isTrue(status: PodStatus | undefined, conditionType: string): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === conditionType && value === 'True') === true;
}

function phaseOf({ pod, containers }: PodView): NonNullable<PodStatus['phase']> {
  const ended = containers.map(({ state }) => state.terminated?.exitCode);
  const isFinal = pod.spec.restartPolicy === 'Never' || pod.spec.restartPolicy === 'OnFailure';
  if (isFinal && ended.every((exitCode) => exitCode !== undefined)) {
    if (ended.every((exitCode) => exitCode === 0)) return 'Succeeded';
    if (pod.spec.restartPolicy === 'Never') return 'Failed';
  }
  const hasStarted = containers.some(({ state, restartCount }) => state.running !== undefined || restartCount > 0);
  return hasStarted || ended.some((exitCode) => exitCode !== undefined) ? 'Running' : 'Pending';
}

function condition(type: string, value: boolean, before: PodStatus | undefined, now: string): Condition {
  const status = value ? 'True' : 'False';
  const previous = before?.conditions?.find((other) => other.type === type);
  const since = previous?.status === status ? previous.lastTransitionTime : undefined;
  return { type, status, lastTransitionTime: since ?? now };
}

function containerStatus({ name, image, state, isReady, restartCount }: ContainerView): ContainerStatus {
  return { name, image, imageID: image, ready: isReady, started: state.running !== undefined, restartCount, state };
}
