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

  it('routes IPv6 between the nodes of a dual-stack cluster over link-local addresses', () => {
    const dual = planMesh(
      { mesh: 'lab', clusters: [{ name: 'east', id: 1, nodes: 2, ipFamilies: ['IPv4', 'IPv6'] }] },
      { mode: 'root', stateRoot: '/run/clustermesh', cgroupRoot: '/cg' },
    );
    const lines = meshBatches(dual).find(({ netns }) => netns === 'cm-lab-east-n1')?.lines;
    expect(lines).toContain('addr add fe80::1:11/64 dev eth0 nodad');
    expect(lines).toContain('route add fd00:10:1:2::/64 via fe80::1:12 dev eth0');
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

  it('gives a pod of two families the same things twice', () => {
    const [, pod, node] = podBatches({
      netns: 'pod',
      nodeNetns: 'node',
      link: 'lxc12345678',
      address: '10.1.2.34',
      address6: 'fd00:10:1:2::34',
    });
    expect(pod?.lines.slice(6)).toEqual([
      'addr add fd00:10:1:2::34/128 dev eth0 nodad',
      'neigh add fe80::1 lladdr 0e:58:0a:01:02:22 dev eth0 nud permanent',
      'route add default via fe80::1 dev eth0 src fd00:10:1:2::34',
    ]);
    expect(node?.lines.slice(3)).toEqual([
      'neigh add fd00:10:1:2::34 lladdr 0a:58:0a:01:02:22 dev lxc12345678 nud permanent',
      'route add fd00:10:1:2::34/128 dev lxc12345678',
    ]);
  });
});
