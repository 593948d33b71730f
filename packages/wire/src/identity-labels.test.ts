import { describe, expect, it } from '@jest/globals';

import type { ClusterName } from './cluster.ts';
import { identityCodec } from './identity.ts';
import { identityLabels } from './identity-labels.ts';

interface Case {
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
}

function text({ labels = {}, namespaceLabels = {}, serviceAccount = 'default' }: Case): string {
  const pod = { namespace: 'default', serviceAccount, labels };
  return new TextDecoder().decode(identityCodec.encode(identityLabels(pod, namespaceLabels, 'east' as ClusterName)));
}

describe('identityLabels', () => {
  it('gives a pod the labels that Cilium gives it', () => {
    const labels = { app: 'web', 'pod-template-hash': '5d8f' };
    const namespaceLabels = { 'kubernetes.io/metadata.name': 'default' };
    expect(text({ labels, namespaceLabels })).toBe(
      'k8s:app=web;k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=default;' +
        'k8s:io.cilium.k8s.policy.cluster=east;k8s:io.cilium.k8s.policy.serviceaccount=default;' +
        'k8s:io.kubernetes.pod.namespace=default;',
    );
  });

  it('does not let a pod claim another cluster, service account or namespace', () => {
    const labels = {
      'io.cilium.k8s.policy.cluster': 'west',
      'io.cilium.k8s.policy.serviceaccount': 'admin',
      'io.cilium.k8s.namespace.labels.team': 'root',
      'io.kubernetes.pod.namespace': 'kube-system',
    };
    expect(text({ labels })).toBe(text({}));
  });

  it('leaves the service account out where there is none', () => {
    expect(text({ serviceAccount: '' })).not.toContain('serviceaccount');
  });

  it('keeps a label without value', () => {
    expect(text({ labels: { canary: '' } })).toMatch(/^k8s:canary=;/);
  });
});
