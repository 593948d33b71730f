import { describe, expect, it } from '@jest/globals';

import { planMesh } from '../mesh-plan.ts';
import { completeCut, cutBatch, lossesOf } from './cuts.ts';
import type { CutRequest } from './cuts.ts';

const plan = planMesh(
  { mesh: 'lab', clusters: ['east', 'west', 'north'].map((name, index) => ({ name, id: index + 1, nodes: 1 })) },
  { mode: 'root', stateRoot: '/run/clustermesh', cgroupRoot: '/cg' },
);

function losses(...requests: readonly CutRequest[]): Readonly<Record<string, readonly string[]>> {
  const cuts = requests.map((request) => completeCut(plan, request));
  return Object.fromEntries(plan.clusters.map((cluster) => [cluster.name, lossesOf(plan, cluster, cuts)]));
}

describe('completeCut', () => {
  it('cuts the control plane off from all others, both ways, unless told otherwise', () => {
    expect(completeCut(plan, { cluster: 'east' })).toEqual({
      cluster: 'east',
      peers: ['west', 'north'],
      traffic: 'control',
      direction: 'both',
    });
  });

  it.each([
    { name: 'a cluster that is not there', request: { cluster: 'south' }, want: 'south' },
    { name: 'a peer that is not there', request: { cluster: 'east', peers: ['south'] }, want: 'south' },
    { name: 'a cut from itself', request: { cluster: 'east', peers: ['east'] }, want: 'itself' },
    { name: 'a cut from nobody', request: { cluster: 'east', peers: [] }, want: 'no cluster' },
  ])('refuses $name', ({ request, want }) => {
    expect(() => completeCut(plan, request)).toThrow(want);
  });
});

describe('lossesOf', () => {
  it('loses requests to and answers from the kvstores, on both sides, and nothing within a cluster', () => {
    expect(losses({ cluster: 'east', peers: ['west'] })).toEqual({
      east: ['from 172.30.2.0/24 ipproto tcp dport 2379', 'from 172.30.2.0/24 ipproto tcp sport 2379'],
      west: ['from 172.30.1.0/24 ipproto tcp dport 2379', 'from 172.30.1.0/24 ipproto tcp sport 2379'],
      north: [],
    });
  });

  it.each([
    { direction: 'in', want: { east: ['from 172.30.2.0/24'], west: [], north: [] } },
    { direction: 'out', want: { east: [], west: ['from 172.30.1.0/24'], north: [] } },
  ] as const)('loses only what goes $direction', ({ direction, want }) => {
    expect(losses({ cluster: 'east', peers: ['west'], traffic: 'all', direction })).toEqual(want);
  });

  it('of data loses the tunnel only', () => {
    expect(losses({ cluster: 'east', peers: ['west'], traffic: 'data', direction: 'in' })).toEqual({
      east: ['from 172.30.2.0/24 ipproto udp dport 8472'],
      west: [],
      north: [],
    });
  });

  it('is the union of cuts that overlap', () => {
    const both = losses({ cluster: 'east', traffic: 'all' }, { cluster: 'west', peers: ['east'], traffic: 'all' });
    expect(both).toEqual(losses({ cluster: 'east', traffic: 'all' }));
  });
});

describe('cutBatch', () => {
  const untouched = '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n';
  const cut = '10:\tfrom 172.30.2.0/24 blackhole\n100:\tfrom all lookup local\n32766:\tfrom all lookup main\n';
  const halfDone = `10:\tfrom 172.30.2.0/24 blackhole\n11:\tfrom 172.30.3.0/24 blackhole\n100:\tfrom all lookup local\n`;

  it.each([
    {
      name: 'cuts before local addresses are looked up',
      rules: untouched,
      matches: ['from 172.30.2.0/24'],
      want: ['rule add pref 10 from 172.30.2.0/24 blackhole', 'rule add pref 100 lookup local', 'rule del pref 0'],
    },
    {
      name: 'has the new rules before the old ones go',
      rules: cut,
      matches: ['from 172.30.3.0/24'],
      want: ['rule add pref 11 from 172.30.3.0/24 blackhole', 'rule flush pref 10'],
    },
    {
      name: 'leaves the rules of a machine behind that never was cut',
      rules: cut,
      matches: [],
      want: ['rule flush pref 10', 'rule add pref 0 lookup local', 'rule del pref 100'],
    },
    {
      name: 'clears away what a broken-off attempt left',
      rules: halfDone,
      matches: ['from 172.30.3.0/24'],
      want: ['rule flush pref 11', 'rule add pref 11 from 172.30.3.0/24 blackhole', 'rule flush pref 10'],
    },
    { name: 'does nothing where nothing is to be done', rules: untouched, matches: [], want: [] },
  ])('$name', ({ rules, matches, want }) => {
    expect(cutBatch('node', matches, rules)).toEqual({ netns: 'node', lines: want });
  });
});
