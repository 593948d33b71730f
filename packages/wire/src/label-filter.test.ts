import { describe, expect, it } from '@jest/globals';

import { isIdentityRelevant } from './label-filter.ts';

describe('isIdentityRelevant', () => {
  it.each([
    'app',
    'app.kubernetes.io/name',
    'app.kubernetes.io/version',
    'io.kubernetes.pod.namespace',
    'io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name',
    'io.cilium.k8s.policy.cluster',
    'io.cilium.k8s.policy.serviceaccount',
    'topology.kubernetes.io/zone',
    'example.com/k8s.io',
    'job-name',
  ])('keeps %s', (key) => {
    expect(isIdentityRelevant(key)).toBe(true);
  });

  it.each([
    'io.kubernetes.pod.name',
    'kubernetes.io/arch',
    'beta.kubernetes.io/os',
    'node.beta.kubernetes.io/x',
    'k8s.io/cluster',
    'statefulset.kubernetes.io/pod-name',
    'apps.kubernetes.io/pod-index',
    'batch.kubernetes.io/job-completion-index',
    'batch.kubernetes.io/controller-uid',
    'controller-uid',
    'pod-template-generation',
    'pod-template-hash',
    'controller-revision-hash',
    'annotation.something',
    'etcd_node',
  ])('leaves out %s', (key) => {
    expect(isIdentityRelevant(key)).toBe(false);
  });

  it('lets the longer match decide between an included and an ignored pattern', () => {
    expect(isIdentityRelevant('io.cilium.k8s.namespace.labels.team')).toBe(true);
    expect(isIdentityRelevant('io.cilium.k8s.namespace.labels.beta.kubernetes.io/arch')).toBe(false);
  });
});
