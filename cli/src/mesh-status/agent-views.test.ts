import { describe, expect, it } from '@jest/globals';

import { agentNotices, clusterUse } from './agent-views.ts';
import type { AgentView, ClusterView } from './agent-views.ts';

const agent = (node: string, cluster: Partial<ClusterView>, rest: Partial<AgentView> = {}): AgentView => ({
  node,
  clusters: [{ name: 'north', ...cluster }],
  ...rest,
});

describe('clusterUse', () => {
  it('is nothing where no agent tells, or where it is of another version', () => {
    expect(clusterUse('north', [])).toEqual({ datapath: '', notes: [] });
    expect(clusterUse('north', [{ node: 'n1' }, agent('n2', {})])).toEqual({ datapath: '', notes: [] });
  });

  it('shows the worst of what agents do, and the longest wait', () => {
    const lastContact = '2026-01-01T00:00:00Z';
    const agents = [
      agent('n1', { datapath: 'stale', freshness: { ageMs: 30_000, lastContact } }),
      agent('n2', { datapath: 'withdrawn', freshness: { ageMs: 90_000, lastContact } }),
      agent('n3', { datapath: 'fresh', freshness: { ageMs: 0, lastContact: '' } }),
    ];
    expect(clusterUse('north', agents)).toMatchObject({ datapath: 'withdrawn', age: '1m30s' });
  });

  it.each<{ name: string; views: readonly Partial<ClusterView>[]; want: readonly string[] }>([
    {
      name: 'unreachable nodes, from how many of ours',
      views: [
        { probes: { unreachable: 2, unreachableNodes: ['a', 'b'] } },
        { probes: { unreachable: 0, unreachableNodes: [] } },
      ],
      want: ['2 nodes unreachable from 1 of 2 nodes, whose backends are used last: a, b'],
    },
    {
      name: 'rejected entries by reason, with an example',
      views: [
        {
          rejectedNow: 3,
          rejectionReasons: [
            { reason: 'identity 7 is not one of cluster north', count: 2, key: 'ip/1' },
            { reason: 'expected an object at offset 0', count: 1, key: 'nodes/x' },
          ],
        },
        { rejectedNow: 1 },
      ],
      want: [
        '3 entries rejected: identity 7 is not one of cluster north (ip/1); expected an object at offset 0 (nodes/x)',
      ],
    },
    {
      name: 'rejections of the past are not shown',
      views: [{ rejectedNow: 0, rejectionReasons: [{ reason: 'x', count: 9, key: 'k' }] }],
      want: [],
    },
    {
      name: 'why a cluster is refused',
      views: [{ state: 'refused', reason: 'cluster id 1 is taken' }],
      want: ['cluster id 1 is taken'],
    },
    {
      name: 'what waits for room',
      views: [{ noRoom: 1 }],
      want: ['1 entry of it waiting for room in the maps of a node (--bpf-…-map-max)'],
    },
    {
      name: 'deletions that are not believed',
      views: [{ withheld: 2 }],
      want: ['2 deletions not believed yet: the mirror was silent when they came'],
    },
  ])('tells $name', ({ views, want }) => {
    expect(
      clusterUse(
        'north',
        views.map((view, index) => agent(`n${index}`, view)),
      ).notes,
    ).toEqual(want);
  });
});

describe('agentNotices', () => {
  it('names rules of policies that are not served, once for all agents', () => {
    const rule = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web', at: 'spec.ingress[0]', message: 'no' };
    const policy = { refusedRules: 2, refused: [rule] };
    expect(agentNotices([agent('n1', {}, { policy }), agent('n2', {}, { policy })])).toEqual([
      'policy NetworkPolicy shop/web: spec.ingress[0]: no',
      '… and 1 more: clustermesh inspect policies',
    ]);
  });

  it('tells each conflict once, however many agents see it', () => {
    const conflicts = [{ message: 'address 10.1.1.1 of cluster a is cluster b\u2019s' }];
    expect(
      agentNotices([
        { node: 'n1', conflicts },
        { node: 'n2', conflicts },
      ]),
    ).toEqual(['conflict: address 10.1.1.1 of cluster a is cluster b\u2019s']);
  });

  it('tells of several versions, of programs and of maps', () => {
    const at = (node: string, version: string, abiVersion: number): AgentView => ({
      node,
      version,
      datapath: { abiVersion },
    });
    expect(agentNotices([at('n1', '1.0', 1), at('n2', '1.1', 2), at('n3', '1.1', 2)])).toEqual([
      'agents of different versions run: 1.0 on n1, 1.1 on n2, n3',
      'maps of different versions are in the kernels: 1 on n1, 2 on n2, n3',
    ]);
    expect(agentNotices([at('n1', '1.0', 1), at('n2', '1.0', 1)])).toEqual([]);
  });

  it('tells what a node could not do, in one line', () => {
    const problems = ['a', 'b', 'c', 'd', 'e'];
    expect(agentNotices([{ node: 'n1', datapath: { mode: 'memory', reason: 'so configured', problems } }])).toEqual([
      'node n1: no packet is touched, maps are in memory: so configured',
      'node n1: a, b, c and 2 more',
    ]);
  });
});
