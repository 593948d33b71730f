import { describe, expect, it } from '@jest/globals';

import { planMesh } from '../mesh-plan.ts';
import { cutBatches, isCut, restoreBatches } from './control-link.ts';

const plan = planMesh(
  { mesh: 'lab', clusters: ['east', 'west', 'north'].map((name, index) => ({ name, id: index + 1, nodes: 2 })) },
  { mode: 'root', stateRoot: '/run/clustermesh', cgroupRoot: '/cg' },
);
const [east] = plan.clusters;
if (east === undefined) throw new Error('no cluster');

describe('the control link', () => {
  it('is cut in both directions towards each other cluster, and not within the cluster', () => {
    const [first] = cutBatches(plan, east);
    expect(first?.netns).toBe('cm-lab-east-n1');
    expect(first?.lines.slice(2)).toEqual([
      'rule add pref 10 from 172.30.2.0/24 ipproto tcp dport 2379 blackhole',
      'rule add pref 10 from 172.30.2.0/24 ipproto tcp sport 2379 blackhole',
      'rule add pref 10 to 172.30.2.0/24 ipproto tcp sport 2379 blackhole',
      'rule add pref 10 from 172.30.3.0/24 ipproto tcp dport 2379 blackhole',
      'rule add pref 10 from 172.30.3.0/24 ipproto tcp sport 2379 blackhole',
      'rule add pref 10 to 172.30.3.0/24 ipproto tcp sport 2379 blackhole',
    ]);
  });

  it('is cut in every node of the cluster', () => {
    expect(cutBatches(plan, east).map(({ netns }) => netns)).toEqual(['cm-lab-east-n1', 'cm-lab-east-n2']);
  });

  it('is restored by taking away exactly what cutting added', () => {
    const added = cutBatches(plan, east)[0]?.lines.filter((line) => line.includes('pref 10 ')).length;
    const removed = restoreBatches(plan, east)[0]?.lines.filter((line) => line === 'rule del pref 10').length;
    expect(removed).toBe(added);
  });

  it.each([
    { rules: '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n', want: false },
    { rules: '10:\tfrom 172.30.2.0/24 ipproto tcp dport 2379 blackhole\n100:\tfrom all lookup local\n', want: true },
  ])('is read from the rules: $want', ({ rules, want }) => {
    expect(isCut(rules)).toBe(want);
  });
});
