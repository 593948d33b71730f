import type { DaemonSet, Deployment, LabelSelector, PodTemplate, ReplicaSet, StatusCause } from '@clustermesh/kube';

import { immutableField, invalidValue } from '../api-errors.ts';
import { isDeepEqual } from '../api-object.ts';
import { checkContainers, defaultPodSpec } from './pod-strategy.ts';
import type { Strategy } from '../resource-type.ts';

interface Workload {
  readonly spec: { readonly selector: LabelSelector; readonly template: PodTemplate };
}

export const deploymentStrategy: Strategy<Deployment> = {
  defaults: (deployment) => ({
    ...deployment,
    spec: {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      ...deployment.spec,
      template: defaultTemplate(deployment.spec.template),
    },
  }),
  onCreate: (deployment) => ({ ...deployment, status: {} }),
  validate: checkWorkload,
};

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  defaults: (replicaSet) => ({
    ...replicaSet,
    spec: { replicas: 1, ...replicaSet.spec, template: defaultTemplate(replicaSet.spec.template) },
  }),
  onCreate: (replicaSet) => ({ ...replicaSet, status: { replicas: 0 } }),
  validate: checkWorkload,
};

export const daemonSetStrategy: Strategy<DaemonSet> = {
  defaults: (daemonSet) => ({
    ...daemonSet,
    spec: {
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      ...daemonSet.spec,
      template: defaultTemplate(daemonSet.spec.template),
    },
  }),
  onCreate: (daemonSet) => ({
    ...daemonSet,
    status: { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 },
  }),
  validate: checkWorkload,
};

function defaultTemplate(template: PodTemplate): PodTemplate {
  return { ...template, spec: defaultPodSpec(template.spec) };
}

function checkWorkload({ spec }: Workload, old: Workload | undefined): StatusCause[] {
  const labels = spec.template.metadata?.labels ?? {};
  const wanted = Object.entries(spec.selector.matchLabels ?? {});
  const isSelected = wanted.every(([key, value]) => labels[key] === value);
  const isSelectorKept = old === undefined || isDeepEqual(spec.selector, old.spec.selector);
  return [
    ...(isSelected
      ? []
      : [invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]),
    ...(isSelectorKept ? [] : [immutableField('spec.selector', spec.selector)]),
    ...checkContainers(spec.template.spec, 'spec.template.spec'),
  ];
}
