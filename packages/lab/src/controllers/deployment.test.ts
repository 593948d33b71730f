import type { Deployment, Pod } from '@clustermesh/kube';
import { seededRandom } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';

import type { Action } from './action.ts';
import { reconcileDeployments } from './deployment.ts';
import { templateHash } from './owned-pods.ts';

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'echo' }] } };

function deployment(replicas: number, type: 'RollingUpdate' | 'Recreate' = 'RollingUpdate'): Deployment {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'd1', generation: 3 },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template, strategy: { type } },
  };
}

interface PodOptions {
  readonly ready?: boolean;
  readonly outdated?: boolean;
  readonly terminating?: boolean;
  readonly owner?: string;
  readonly created?: string;
}

function pod(
  name: string,
  { ready = true, outdated = false, terminating = false, owner = 'd1', created = '' }: PodOptions = {},
): Pod {
  return {
    metadata: {
      name,
      namespace: 'default',
      creationTimestamp: created,
      labels: { app: 'web', 'pod-template-hash': outdated ? 'old' : templateHash(template) },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: owner, controller: true }],
      ...(terminating ? { deletionTimestamp: 'now' } : {}),
    },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

/** `+1` for each pod made, `-name` for each deleted. */
function planned(of: Deployment, pods: readonly Pod[]): readonly string[] {
  const actions = reconcileDeployments([of], pods, seededRandom(1));
  return actions.flatMap((action: Action) => {
    if (action.kind === 'create') return ['+1'];
    return action.kind === 'delete' ? [`-${action.object.metadata.name}`] : [];
  });
}

describe('reconcileDeployments', () => {
  it.each([
    { name: 'makes all pods of a new deployment at once', of: deployment(2), pods: [], want: ['+1', '+1'] },
    { name: 'does nothing when all is there', of: deployment(2), pods: [pod('a'), pod('b')], want: [] },
    {
      name: 'replaces a pod that is being deleted',
      of: deployment(1),
      pods: [pod('a', { terminating: true })],
      want: ['+1'],
    },
    { name: 'deletes all when scaled to zero', of: deployment(0), pods: [pod('a')], want: ['-a'] },
    {
      name: 'gives up first what is not ready, then what is youngest',
      of: deployment(1),
      pods: [
        pod('old', { created: '1' }),
        pod('young', { created: '2' }),
        pod('unready', { ready: false, created: '0' }),
      ],
      want: ['-unready', '-young'],
    },
    {
      name: 'makes one new pod before it gives up a ready outdated one',
      of: deployment(2),
      pods: [pod('a', { outdated: true }), pod('b', { outdated: true })],
      want: ['+1'],
    },
    {
      name: 'gives up an outdated pod when a new one is ready',
      of: deployment(2),
      pods: [pod('a', { outdated: true }), pod('b', { outdated: true }), pod('new')],
      want: ['-a'],
    },
    {
      name: 'keeps outdated pods while the new one is not ready',
      of: deployment(1),
      pods: [pod('a', { outdated: true }), pod('new', { ready: false })],
      want: [],
    },
    {
      name: 'gives up outdated pods that serve nobody',
      of: deployment(1),
      pods: [pod('a', { outdated: true, ready: false }), pod('new', { ready: false })],
      want: ['-a'],
    },
    {
      name: 'deletes first when the strategy is Recreate',
      of: deployment(1, 'Recreate'),
      pods: [pod('a', { outdated: true })],
      want: ['-a'],
    },
    {
      name: 'makes nothing before the last outdated pod has ended when the strategy is Recreate',
      of: deployment(1, 'Recreate'),
      pods: [pod('a', { outdated: true, terminating: true })],
      want: [],
    },
    {
      name: 'deletes pods of a deployment that is gone',
      of: deployment(1),
      pods: [pod('a'), pod('x', { owner: 'd0' })],
      want: ['-x'],
    },
  ])('$name', ({ of, pods, want }) => {
    expect(planned(of, pods)).toEqual(want);
  });

  it('gives a pod the labels of the template and its owner', () => {
    const [action] = reconcileDeployments([deployment(1)], [], seededRandom(1));
    expect(action?.object.metadata).toMatchObject({
      namespace: 'default',
      labels: { app: 'web', 'pod-template-hash': templateHash(template) },
      ownerReferences: [{ kind: 'Deployment', uid: 'd1', controller: true }],
    });
  });

  it('tells kubectl rollout status what it waits for, once', () => {
    const of = deployment(1);
    const [first] = reconcileDeployments([of], [pod('a')], seededRandom(1));
    expect(first).toMatchObject({
      kind: 'status',
      status: { observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1, unavailableReplicas: 0 },
    });
    const status = first?.kind === 'status' ? first.status : undefined;
    expect(reconcileDeployments([{ ...of, status: status ?? {} }], [pod('a')], seededRandom(1))).toEqual([]);
  });
});
