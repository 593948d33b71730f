import { describe, expect, it } from '@jest/globals';

import { FakeClock, seededRandom } from '@clustermesh/runtime';

import { KubeApiStore } from '../kube-api-store.ts';
import { tableOfObject, wantsTable } from './table.ts';

const clock = new FakeClock();
const { slots } = new KubeApiStore({ clock, random: seededRandom(1) });
const metadata = { name: 'x', creationTimestamp: '2025-12-31T23:55:00Z' };

describe('wantsTable', () => {
  it.each([
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', true],
    ['application/json', false],
    ['application/json,application/json;as=Table;v=v1;g=meta.k8s.io', false],
    [undefined, false],
  ])('%s: %s', (accept, want) => {
    expect(wantsTable(accept)).toBe(want);
  });
});

describe('columns', () => {
  const containers = [{ name: 'a' }, { name: 'b' }];
  const running = { name: 'a', ready: true, restartCount: 2 };
  const failing = { name: 'b', ready: false, restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } };

  it.each<[string, string, object, unknown[]]>([
    [
      '',
      'pods',
      {
        spec: { containers, nodeName: 'n1' },
        status: { phase: 'Running', podIP: '10.1.0.5', containerStatuses: [running, failing] },
      },
      ['x', '1/2', 'CrashLoopBackOff', 5, '5m', '10.1.0.5', 'n1'],
    ],
    [
      '',
      'pods',
      { spec: { containers }, status: { phase: 'Pending' } },
      ['x', '0/2', 'Pending', 0, '5m', '<none>', '<none>'],
    ],
    [
      '',
      'pods',
      {
        spec: { containers: [{}] },
        status: { phase: 'Failed', containerStatuses: [{ restartCount: 0, state: { terminated: { exitCode: 7 } } }] },
      },
      ['x', '0/1', 'ExitCode:7', 0, '5m', '<none>', '<none>'],
    ],
    [
      '',
      'nodes',
      {
        spec: { podCIDR: '10.1.0.0/24', unschedulable: true },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          addresses: [{ type: 'InternalIP', address: '1.2.3.4' }],
          nodeInfo: { kubeletVersion: 'v1' },
        },
      },
      ['x', 'Ready,SchedulingDisabled', '<none>', 'v1', '5m', '1.2.3.4', '10.1.0.0/24'],
    ],
    [
      '',
      'services',
      {
        spec: {
          type: 'LoadBalancer',
          clusterIP: '10.96.0.1',
          ports: [{ port: 80, nodePort: 30_000, protocol: 'TCP' }],
          selector: { a: 'b' },
        },
      },
      ['x', 'LoadBalancer', '10.96.0.1', '<pending>', '80:30000/TCP', '5m', 'a=b'],
    ],
    [
      'apps',
      'deployments',
      { spec: { replicas: 3 }, status: { readyReplicas: 2, updatedReplicas: 3 } },
      ['x', '2/3', 3, 0, '5m'],
    ],
    [
      'discovery.k8s.io',
      'endpointslices',
      {
        addressType: 'IPv4',
        ports: [{ port: 80 }],
        endpoints: ['1', '2', '3', '4'].map((address) => ({ addresses: [address] })),
      },
      ['x', 'IPv4', '80', '1,2,3 + 1 more...', '5m'],
    ],
    [
      'networking.k8s.io',
      'networkpolicies',
      {
        spec: {
          podSelector: {
            matchLabels: { app: 'web' },
            matchExpressions: [
              { key: 'tier', operator: 'NotIn', values: ['a', 'b'] },
              { key: 'old', operator: 'DoesNotExist' },
              { key: 'new', operator: 'Exists' },
            ],
          },
        },
      },
      ['x', 'app=web,tier notin (a,b),!old,new', '5m'],
    ],
    ['networking.k8s.io', 'networkpolicies', { spec: { podSelector: {} } }, ['x', '<none>', '5m']],
    ['', 'secrets', { type: 'Opaque', data: { a: '', b: '' } }, ['x', 'Opaque', 2, '5m']],
    ['', 'serviceaccounts', {}, ['x', '5m']],
  ])('of %s/%s', (group, plural, content, want) => {
    const served = slots.find({ group, version: 'v1', plural });
    const object = { apiVersion: 'v1', kind: served.type.kind, metadata, ...content };
    expect(tableOfObject(object, served, clock.now())).toMatchObject({ kind: 'Table', rows: [{ cells: want }] });
  });

  it('of a terminating pod say so', () => {
    const served = slots.find({ group: '', version: 'v1', plural: 'pods' });
    const leaving = { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: leaving, spec: { containers: [{}] } };
    expect(tableOfObject(object, served, clock.now())).toMatchObject({
      rows: [{ cells: expect.arrayContaining(['Terminating']) }],
    });
  });
});
