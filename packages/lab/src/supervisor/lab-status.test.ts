import type { ContainerStatus, Pod, PodStatus } from '@clustermesh/kube';
import { expect, it } from '@jest/globals';

import { podSummary } from './lab-status.ts';

function container(name: string, status: Partial<ContainerStatus>): ContainerStatus {
  return { name, image: 'i', imageID: 'i', ready: false, restartCount: 0, ...status };
}

function pod(status: PodStatus, more: Partial<Pod['metadata']> = {}, nodeName = 'n1'): Pod {
  return { metadata: { name: 'p', namespace: 'default', ...more }, spec: { containers: [], nodeName }, status };
}

const running = { running: { startedAt: '' } };
const done = { terminated: { exitCode: 0 } };
const crashed = { terminated: { exitCode: 7 } };
const waiting = { waiting: { reason: 'CreateContainerConfigError', message: 'secret "s" not found' } };
const ready = { conditions: [{ type: 'Ready', status: 'True' as const }] };

it.each([
  { name: 'a ready pod', of: pod(ready), want: '' },
  { name: 'a deleted pod', of: pod({}, { deletionTimestamp: 'now' }), want: 'terminating' },
  {
    name: 'a container that lacks something',
    of: pod({ containerStatuses: [container('c', { state: waiting })] }),
    want: 'c: CreateContainerConfigError: secret "s" not found',
  },
  {
    name: 'a container that crashed',
    of: pod({ containerStatuses: [container('c', { state: crashed })] }),
    want: 'c ended with exit code 7',
  },
  {
    name: 'a container that does not answer',
    of: pod({ containerStatuses: [container('c', { state: running })] }),
    want: 'c is not ready yet',
  },
  {
    name: 'an init container that crashed, before the containers that wait for it',
    of: pod({ initContainerStatuses: [container('i', { state: crashed })], containerStatuses: [container('c', {})] }),
    want: 'i ended with exit code 7',
  },
  {
    name: 'the container after an init container that is done',
    of: pod({
      initContainerStatuses: [container('i', { state: done })],
      containerStatuses: [container('c', { state: running })],
    }),
    want: 'c is not ready yet',
  },
])('says of $name: $want', ({ of, want }) => {
  expect(podSummary(of).reason).toBe(want);
});

it('counts the restarts of all containers', () => {
  const restarted = [container('a', { restartCount: 2 }), container('b', { restartCount: 1 })];
  expect(podSummary(pod({ ...ready, containerStatuses: restarted }))).toMatchObject({ isReady: true, restarts: 3 });
});
