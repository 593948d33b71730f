import type { Container, Pod, PodSpec, StatusCause } from '@clustermesh/kube';

import { duplicateValue, forbiddenField, invalidValue, requiredValue } from '../api-errors.ts';
import { isDeepEqual } from '../api-object.ts';
import { isLabel, labelWhy } from '../metadata-rules.ts';
import type { Strategy } from '../resource-type.ts';

const defaultGraceSeconds = 30;
const probeDefaults = {
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
};

/** Pods start Pending, get their node by binding, and leave when their kubelet says so. */
export const podStrategy: Strategy<Pod> = {
  defaults: (pod) => ({ ...pod, spec: defaultPodSpec(pod.spec) }),
  onCreate: (pod) => ({ ...pod, status: { phase: 'Pending', qosClass: 'BestEffort' } }),
  validate: (pod, old) => [...checkContainers(pod.spec, 'spec'), ...(old === undefined ? [] : checkUpdate(pod, old))],
  gracePeriodSeconds: (pod, requested) => {
    const isRunning = (pod.spec.nodeName ?? '') !== '' && !isFinished(pod);
    // Nobody would confirm the end of a pod that no kubelet has, or that has ended by itself.
    return isRunning ? (requested ?? pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) : 0;
  },
};

function isFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

export function defaultPodSpec(spec: PodSpec): PodSpec {
  return {
    ...spec,
    restartPolicy: spec.restartPolicy ?? 'Always',
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? defaultGraceSeconds,
    dnsPolicy: spec.dnsPolicy ?? 'ClusterFirst',
    schedulerName: spec.schedulerName ?? 'default-scheduler',
    containers: spec.containers.map(defaultContainer),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(defaultContainer) }),
  };
}

function defaultContainer(container: Container): Container {
  const { ports, readinessProbe, livenessProbe, startupProbe } = container;
  return {
    ...container,
    imagePullPolicy: container.imagePullPolicy ?? 'IfNotPresent',
    ...(ports === undefined ? {} : { ports: ports.map((port) => ({ ...port, protocol: port.protocol ?? 'TCP' })) }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: { ...probeDefaults, ...readinessProbe } }),
    ...(livenessProbe === undefined ? {} : { livenessProbe: { ...probeDefaults, ...livenessProbe } }),
    ...(startupProbe === undefined ? {} : { startupProbe: { ...probeDefaults, ...startupProbe } }),
  };
}

/** `field` is the path of the spec, as templates have one too. */
export function checkContainers(spec: PodSpec, field: string): StatusCause[] {
  if (spec.containers.length === 0) return [requiredValue(`${field}.containers`)];
  const names = spec.containers.map(({ name }) => name);
  const volumes = new Set(spec.volumes?.map(({ name }) => name));
  return spec.containers.flatMap((container, index) => {
    const at = `${field}.containers[${index}]`;
    const mounts = container.volumeMounts ?? [];
    return [
      ...(isLabel(container.name) ? [] : [invalidValue(`${at}.name`, container.name, labelWhy)]),
      ...(names.indexOf(container.name) === index ? [] : [duplicateValue(`${at}.name`, container.name)]),
      ...(container.image === '' ? [requiredValue(`${at}.image`)] : []),
      ...mounts.flatMap(({ name }, mount) =>
        volumes.has(name)
          ? []
          : [{ ...invalidValue(`${at}.volumeMounts[${mount}].name`, name, 'Not found'), reason: 'FieldValueNotFound' }],
      ),
    ];
  });
}

const immutableWhy =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function checkUpdate(pod: Pod, old: Pod): StatusCause[] {
  return isDeepEqual(frozenPart(pod.spec), frozenPart(old.spec)) ? [] : [forbiddenField('spec', immutableWhy)];
}

function frozenPart(spec: PodSpec): object {
  const {
    tolerations: _,
    activeDeadlineSeconds: _deadline,
    ...rest
  } = spec as PodSpec & { activeDeadlineSeconds?: number };
  const withoutImages = (containers: readonly Container[] | undefined): unknown =>
    containers?.map(({ image: _image, ...container }) => container);
  return {
    ...rest,
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
  };
}
