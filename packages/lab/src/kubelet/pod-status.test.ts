import type { ContainerState, Pod } from '@clustermesh/kube';
import { describe, expect, it } from '@jest/globals';

import { isSaid, podStatus } from './pod-status.ts';
import type { ContainerView } from './pod-status.ts';

const now = '2026-01-01T00:00:10Z';
const running: ContainerState = { running: { startedAt: now } };
const done: ContainerState = { terminated: { exitCode: 0 } };
const failed: ContainerState = { terminated: { exitCode: 1 } };
const creating: ContainerState = { waiting: { reason: 'ContainerCreating' } };

function container(state: ContainerState, isReady = false, restartCount = 0): ContainerView {
  return { name: 'c', image: 'i', state, isReady, restartCount };
}

function statusOf(containers: readonly ContainerView[], init: readonly ContainerView[] = [], pod: Partial<Pod> = {}) {
  const object: Pod = { metadata: { name: 'p' }, spec: { containers: [] }, ...pod };
  return podStatus(
    { pod: object, podIps: ['10.1.1.2', 'fd00:10:1:1::2'], hostIp: '172.30.1.11', initContainers: init, containers },
    now,
  );
}

describe('podStatus', () => {
  it.each([
    { name: 'before anything runs', containers: [container(creating)], phase: 'Pending', ready: 'False' },
    { name: 'when a container runs', containers: [container(running)], phase: 'Running', ready: 'False' },
    { name: 'when all are ready', containers: [container(running, true)], phase: 'Running', ready: 'True' },
    {
      name: 'when one is not',
      containers: [container(running, true), container(running)],
      phase: 'Running',
      ready: 'False',
    },
    { name: 'between restarts', containers: [container(creating, false, 1)], phase: 'Running', ready: 'False' },
  ])('is $phase and Ready=$ready $name', ({ containers, phase, ready }) => {
    const status = statusOf(containers);
    expect(status.phase).toBe(phase);
    expect(status.conditions?.find(({ type }) => type === 'Ready')?.status).toBe(ready);
  });

  it.each([
    { policy: 'Never', state: done, want: 'Succeeded' },
    { policy: 'Never', state: failed, want: 'Failed' },
    { policy: 'OnFailure', state: failed, want: 'Running' },
    { policy: 'Always', state: done, want: 'Running' },
  ] as const)('ends as $want when restarted $policy', ({ policy, state, want }) => {
    const pod = { spec: { containers: [], restartPolicy: policy } };
    expect(statusOf([container(state)], [], pod).phase).toBe(want);
  });

  it('is initialised when every init container has ended well', () => {
    const initialized = (init: readonly ContainerView[]): string | undefined =>
      statusOf([container(creating)], init).conditions?.find(({ type }) => type === 'Initialized')?.status;
    expect(initialized([container(done), container(running)])).toBe('False');
    expect(initialized([container(done)])).toBe('True');
  });

  it('keeps the time of a condition that did not change', () => {
    const before = '2026-01-01T00:00:00Z';
    const status = {
      conditions: [
        { type: 'Ready', status: 'False' as const, lastTransitionTime: before },
        { type: 'PodScheduled', status: 'True' as const, lastTransitionTime: before },
      ],
    };
    const conditions = statusOf([container(running, true)], [], { status }).conditions ?? [];
    expect(conditions.find(({ type }) => type === 'PodScheduled')?.lastTransitionTime).toBe(before);
    expect(conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime).toBe(now);
  });

  it('shows the addresses of both families, the first one as the address', () => {
    const { podIP, podIPs } = statusOf([container(running)]);
    expect(podIP).toBe('10.1.1.2');
    expect(podIPs).toEqual([{ ip: '10.1.1.2' }, { ip: 'fd00:10:1:1::2' }]);
  });

  it.each([
    { gate: undefined, want: 'False' },
    { gate: 'False', want: 'False' },
    { gate: 'True', want: 'True' },
  ] as const)('is ready when its readiness gate is open: $gate', ({ gate, want }) => {
    const conditions = gate === undefined ? [] : [{ type: 'mesh/in-sync', status: gate }];
    const pod = {
      spec: { containers: [], readinessGates: [{ conditionType: 'mesh/in-sync' }] },
      status: { conditions },
    };
    const ready = statusOf([container(running, true)], [], pod).conditions?.find(({ type }) => type === 'Ready');
    expect(ready?.status).toBe(want);
  });
});

describe('isSaid', () => {
  const said = statusOf([container(running, true)]);

  it('passes over what others say', () => {
    const gate = { type: 'mesh/in-sync', status: 'True' as const };
    expect(isSaid({ ...said, qosClass: 'BestEffort', conditions: [gate, ...(said.conditions ?? [])] }, said)).toBe(
      true,
    );
  });

  it('sees what is new', () => {
    expect(isSaid(undefined, said)).toBe(false);
    expect(isSaid(statusOf([container(running)]), said)).toBe(false);
  });
});
