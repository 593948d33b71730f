import type { Binding, Node, Pod, PodSpec } from '@clustermesh/kube';
import { expect, it } from '@jest/globals';

import { schedulePods } from './scheduler.ts';

const nodes = ['n1', 'n2'].map(nodeOf) as [Node, Node];
const tainted: Node = { ...nodes[0], spec: { taints: [{ key: 'mesh/starts', effect: 'NoSchedule' }] } };

function nodeOf(name: string): Node {
  return { metadata: { name, labels: { 'kubernetes.io/hostname': name } } };
}

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

it.each<{ name: string; on?: readonly Node[]; pods: readonly Pod[]; want: readonly string[] }>([
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
  {
    name: 'keeps off a tainted node what does not tolerate it',
    on: [tainted, nodes[1]],
    pods: [pod('a'), pod('b')],
    want: ['a on n2', 'b on n2'],
  },
  {
    name: 'puts on a tainted node what tolerates it',
    on: [tainted],
    pods: [pod('a', { tolerations: [{ operator: 'Exists' }] })],
    want: ['a on n1'],
  },
  {
    name: 'keeps off a cordoned node',
    on: [{ ...nodes[0], spec: { unschedulable: true } }],
    pods: [pod('a')],
    want: [],
  },
])('$name', ({ on = nodes, pods, want }) => {
  const placed = schedulePods(on, pods).map(
    ({ object }) => `${object.metadata.name} on ${(object as Binding).target.name}`,
  );
  expect(placed).toEqual(want);
});
