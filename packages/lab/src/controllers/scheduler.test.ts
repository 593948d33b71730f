import type { Binding, Node, Pod, PodSpec } from '@clustermesh/kube';
import { expect, it } from '@jest/globals';

import { schedulePods } from './scheduler.ts';

const nodes: readonly Node[] = ['n1', 'n2'].map((name) => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
}));

function pod(name: string, spec: Partial<PodSpec> & { affinity?: unknown } = {}): Pod {
  return { metadata: { name, namespace: 'default' }, spec: { containers: [], ...spec } };
}

const etcd = { hostNetwork: true, containers: [{ name: 'etcd', image: 'etcd', ports: [{ containerPort: 2379 }] }] };
const onNode2 = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }],
    },
  },
};

it.each([
  { name: 'spreads pods', pods: [pod('a'), pod('b'), pod('c')], want: ['a on n1', 'b on n2', 'c on n1'] },
  { name: 'fills the emptier node', pods: [pod('x', { nodeName: 'n1' }), pod('a')], want: ['a on n2'] },
  {
    name: 'follows a node selector',
    pods: [pod('a', { nodeSelector: { 'kubernetes.io/hostname': 'n2' } })],
    want: ['a on n2'],
  },
  { name: 'follows the affinity of a DaemonSet pod', pods: [pod('a', { affinity: onNode2 })], want: ['a on n2'] },
  {
    name: 'keeps two pods that need one host port apart',
    pods: [
      pod('x', { ...etcd, nodeName: 'n2' }),
      pod('y', { nodeName: 'n1' }),
      pod('z', { nodeName: 'n1' }),
      pod('a', etcd),
    ],
    want: ['a on n1'],
  },
  { name: 'leaves a pod that no node can take', pods: [pod('a', { nodeSelector: { disk: 'ssd' } })], want: [] },
])('$name', ({ pods, want }) => {
  const placed = schedulePods(nodes, pods).map(
    ({ object }) => `${object.metadata.name} on ${(object as Binding).target.name}`,
  );
  expect(placed).toEqual(want);
});
