import { describe, expect, it } from '@jest/globals';

import { planMesh } from '../mesh-plan.ts';
import { meshBatches, podBatches } from './ip-batch.ts';

const plan = planMesh(
  {
    mesh: 'lab',
    clusters: [
      { name: 'east', id: 1, nodes: 2 },
      { name: 'west', id: 2, nodes: 1 },
    ],
  },
  { mode: 'root', stateRoot: '/run/clustermesh', cgroupRoot: '/cg' },
);

function linesIn(netns: string): readonly string[] {
  return meshBatches(plan).find((batch) => batch.netns === netns)?.lines ?? [];
}

describe('meshBatches', () => {
  it('makes one namespace a node and control plane, and one for the bridge', () => {
    const [create] = meshBatches(plan);
    expect(create?.lines.filter((line) => line.startsWith('netns add'))).toEqual([
      'netns add cm-lab-underlay',
      'netns add cm-lab-east-cp',
      'netns add cm-lab-east-n1',
      'netns add cm-lab-east-n2',
      'netns add cm-lab-west-cp',
      'netns add cm-lab-west-n1',
    ]);
  });

  it('routes a node to the pods of its own cluster only', () => {
    expect(linesIn('cm-lab-east-n1').filter((line) => line.startsWith('route'))).toEqual([
      'route add 10.1.2.0/24 via 172.30.1.12',
    ]);
    expect(linesIn('cm-lab-west-n1').filter((line) => line.startsWith('route'))).toEqual([]);
  });

  it('lets the underlay reach the pods of all clusters, for probes', () => {
    expect(linesIn('cm-lab-underlay')).toEqual(
      expect.arrayContaining([
        'route add 10.1.1.0/24 via 172.30.1.11',
        'route add 10.1.2.0/24 via 172.30.1.12',
        'route add 10.2.1.0/24 via 172.30.2.11',
      ]),
    );
  });

  it('does nothing without root', () => {
    expect(meshBatches(planMesh({ mesh: 'lab', clusters: [] }, { mode: 'rootless', stateRoot: '/tmp' }))).toEqual([]);
  });
});

describe('podBatches', () => {
  const batches = podBatches({ netns: 'pod', nodeNetns: 'node', link: 'lxc12345678', address: '10.1.2.34' });

  it('gives the pod one neighbour, and the node one route', () => {
    expect(batches.find(({ netns }) => netns === 'pod')?.lines).toEqual([
      'link set lo up',
      'addr add 10.1.2.34/32 dev eth0',
      'link set eth0 up',
      'neigh add 169.254.1.1 lladdr 0e:58:0a:01:02:22 dev eth0 nud permanent',
      'route add 169.254.1.1 dev eth0 scope link',
      'route add default via 169.254.1.1 dev eth0 src 10.1.2.34',
    ]);
    expect(batches.find(({ netns }) => netns === 'node')?.lines).toEqual([
      'link set lxc12345678 up',
      'neigh add 10.1.2.34 lladdr 0a:58:0a:01:02:22 dev lxc12345678 nud permanent',
      'route add 10.1.2.34/32 dev lxc12345678',
    ]);
  });

  it('leaves room for the tunnel header', () => {
    expect(batches[0]?.lines[1]).toContain('mtu 1450');
  });
});
