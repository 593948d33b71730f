import type { Condition, ContainerState, ContainerStatus, Pod, PodStatus } from '@clustermesh/kube';

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
  /** Undefined until the pod has its place. */
  readonly podIp: string | undefined;
  readonly hostIp: string;
  readonly initContainers: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
}

/** @param now RFC 3339; the time of conditions that change with this status */
export function podStatus(view: PodView, now: string): PodStatus {
  const { pod, podIp, hostIp, initContainers, containers } = view;
  const isInitialized = initContainers.every(({ state }) => state.terminated?.exitCode === 0);
  const areReady = containers.every(({ isReady }) => isReady);
  const before = pod.status;
  return {
    phase: phaseOf(view),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: before?.startTime ?? now,
    conditions: [
      condition('PodScheduled', true, before, now),
      condition('Initialized', isInitialized, before, now),
      condition('ContainersReady', areReady, before, now),
      condition('Ready', areReady, before, now),
    ],
    initContainerStatuses: initContainers.map(containerStatus),
    containerStatuses: containers.map(containerStatus),
  };
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
