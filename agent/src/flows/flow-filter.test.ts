import { describe, expect, it } from '@jest/globals';

import { checkReasons, matchesFlow } from './flow-filter.ts';
import type { FlowFilter } from './flow-filter.ts';
import type { Flow, FlowParty } from './flow.ts';

function party(cluster: string, namespace: string, pod: string): FlowParty {
  return { address: '10.0.0.1', port: 80, identity: 65_540, cluster, namespace, pod, labels: [] };
}

const flow: Flow = {
  ...{
    timeMs: 0,
    verdict: 'dropped',
    reason: 'policy denied',
    direction: 'egress',
    protocol: 'TCP',
    bytes: 74,
    relation: '',
  },
  source: party('west', 'demo', 'client'),
  destination: party('east', 'shop', 'db'),
  ...{ ruleNote: '', policies: [] },
};
const any: FlowFilter = { verdict: '', reasons: [], cluster: '' };
const pod = (namespace: string, name: string, cluster = ''): { cluster: string; namespace: string; name: string } => ({
  cluster,
  namespace,
  name,
});

describe('matchesFlow', () => {
  it.each<{ name: string; filter: Partial<FlowFilter>; want: boolean }>([
    { name: 'nothing is asked', filter: {}, want: true },
    { name: 'the verdict is', filter: { verdict: 'dropped' }, want: true },
    { name: 'the verdict is another', filter: { verdict: 'forwarded' }, want: false },
    { name: 'the reason is one of them', filter: { reasons: ['forged node', 'policy denied'] }, want: true },
    { name: 'the reason is none of them', filter: { reasons: ['forged node'] }, want: false },
    { name: 'either side is of the cluster', filter: { cluster: 'east' }, want: true },
    { name: 'no side is of the cluster', filter: { cluster: 'north' }, want: false },
    { name: 'either side is the pod', filter: { pod: pod('shop', 'db') }, want: true },
    { name: 'either side is in the namespace', filter: { pod: pod('demo', '') }, want: true },
    { name: 'no side is the pod', filter: { pod: pod('demo', 'db') }, want: false },
    { name: 'it comes from the pod', filter: { fromPod: pod('demo', 'client') }, want: true },
    { name: 'it goes to the pod', filter: { fromPod: pod('shop', 'db') }, want: false },
    { name: 'it goes to the pod of that cluster', filter: { toPod: pod('shop', 'db', 'east') }, want: true },
    { name: 'the pod is one of another cluster', filter: { toPod: pod('shop', 'db', 'west') }, want: false },
    {
      name: 'all but one hold',
      filter: { verdict: 'dropped', fromPod: pod('demo', ''), cluster: 'north' },
      want: false,
    },
  ])('is $want when $name', ({ filter, want }) => {
    expect(matchesFlow(flow, { ...any, ...filter })).toBe(want);
  });
});

describe('checkReasons', () => {
  it.each([[[]], [['policy no rule', 'too big']], [['99']]])('takes %j', (reasons) => {
    expect(() => checkReasons({ reasons })).not.toThrow();
  });

  it.each(['policy', 'event lost'])('refuses "%s", which nothing is told with, and names what there is', (reason) => {
    expect(() => checkReasons({ reasons: ['forwarded', reason] })).toThrow(
      `tell flows of reason "${reason}": there are forwarded, policy denied, policy no rule`,
    );
  });
});
