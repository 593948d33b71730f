import type { DaemonSet, Node, Pod } from '@clustermesh/kube';
import { seededRandom } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';

import { reconcileDaemonSets } from './daemon-set.ts';
import { templateHash } from './owned-pods.ts';

const template = {
  spec: { containers: [{ name: 'c', image: 'agent' }], nodeSelector: { 'kubernetes.io/os': 'linux' } },
};
const daemonSet: DaemonSet = {
  metadata: { name: 'agent', namespace: 'kube-system', uid: 's1' },
  spec: { selector: {}, template },
};

function node(name: string, os = 'linux', effect?: string): Node {
  const spec = effect === undefined ? {} : { taints: [{ key: 'mesh/starts', effect }] };
  return { metadata: { name, labels: { 'kubernetes.io/os': os } }, spec };
}

function pod(nodeName: string, { hash = templateHash(template), ready = true, terminating = false } = {}): Pod {
  return {
    metadata: {
      name: `agent-${nodeName}`,
      labels: { 'controller-revision-hash': hash },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', uid: 's1', controller: true }],
      ...(terminating ? { deletionTimestamp: 'now' } : {}),
    },
    spec: { containers: [], nodeName },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function planned(nodes: readonly Node[], pods: readonly Pod[]): readonly string[] {
  return reconcileDaemonSets({ daemonSets: [daemonSet], nodes, pods }, seededRandom(1)).flatMap(({ kind, object }) => {
    if (kind === 'create') return [`+${(object as Pod).spec.nodeName ?? ''}`];
    return kind === 'delete' ? [`-${object.metadata.name}`] : [];
  });
}

describe('reconcileDaemonSets', () => {
  it.each([
    { name: 'makes one pod a node', nodes: [node('n1'), node('n2')], pods: [pod('n1')], want: ['+n2'] },
    { name: 'passes over nodes that the selector excludes', nodes: [node('n1', 'windows')], pods: [], want: [] },
    { name: 'passes over a tainted node', nodes: [node('n1', 'linux', 'NoSchedule')], pods: [], want: [] },
    {
      name: 'stays on a node that was tainted later',
      nodes: [node('n1', 'linux', 'NoSchedule')],
      pods: [pod('n1')],
      want: [],
    },
    {
      name: 'leaves a node whose taint executes',
      nodes: [node('n1', 'linux', 'NoExecute')],
      pods: [pod('n1')],
      want: ['-agent-n1'],
    },
    { name: 'waits for a node to be free', nodes: [node('n1')], pods: [pod('n1', { terminating: true })], want: [] },
    {
      name: 'deletes the pod of a node that is gone',
      nodes: [node('n1')],
      pods: [pod('n1'), pod('n2')],
      want: ['-agent-n2'],
    },
    {
      name: 'replaces outdated pods one after the other',
      nodes: [node('n1'), node('n2')],
      pods: [pod('n1', { hash: 'old' }), pod('n2', { hash: 'old' })],
      want: ['-agent-n1'],
    },
    {
      name: 'waits with the next one until the new one is ready',
      nodes: [node('n1'), node('n2')],
      pods: [pod('n1', { ready: false }), pod('n2', { hash: 'old' })],
      want: [],
    },
  ])('$name', ({ nodes, pods, want }) => {
    expect(planned(nodes, pods)).toEqual(want);
  });

  it('counts ready pods', () => {
    const actions = reconcileDaemonSets(
      { daemonSets: [daemonSet], nodes: [node('n1')], pods: [pod('n1')] },
      seededRandom(1),
    );
    expect(actions).toMatchObject([{ kind: 'status', status: { desiredNumberScheduled: 1, numberReady: 1 } }]);
  });
});
