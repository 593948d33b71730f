import { describe, expect, it } from '@jest/globals';

import { clusterOf, nodeOf, planMesh, secondAddress } from './mesh-plan.ts';

const topology = {
  mesh: 'lab',
  clusters: [
    { name: 'east', id: 1, nodes: 2 },
    { name: 'west', id: 2, nodes: 1 },
  ],
};
const root = planMesh(topology, { mode: 'root', stateRoot: '/run/clustermesh', cgroupRoot: '/cg' });
const rootless = planMesh(topology, { mode: 'rootless', stateRoot: '/tmp/clustermesh-1000' });

describe('planMesh', () => {
  it('gives a node of root mode its namespace, cgroup, addresses and bpffs directory', () => {
    expect(nodeOf(clusterOf(root, 'east'), 'n2')).toEqual({
      name: 'n2',
      cluster: 'east',
      address: '172.30.1.12',
      zone: 'east-2',
      podCidr: '10.1.2.0/24',
      hasStartupTaint: false,
      dir: '/run/clustermesh/lab/east/n2',
      netns: 'cm-lab-east-n2',
      cgroup: '/cg/clustermesh-lab/east/n2',
      bpfDir: '/run/clustermesh/lab/bpf/east/n2',
    });
  });

  it('puts the control plane on .1 of its cluster', () => {
    expect(clusterOf(root, 'west').controlPlane).toMatchObject({ address: '172.30.2.1', netns: 'cm-lab-west-cp' });
  });

  it('puts the Redis of a cache beside the control plane of its cluster, and nowhere else', () => {
    const clusters = topology.clusters.map(
      (one) => ({ ...one, cache: one.name === 'east' ? 'redis' : 'etcd' }) as const,
    );
    const plan = planMesh(
      { ...topology, clusters },
      { mode: 'root', stateRoot: '/run/clustermesh', cgroupRoot: '/cg' },
    );
    expect(clusterOf(plan, 'east').redis).toEqual({
      ...{ address: '172.30.1.1', port: 6379, dir: '/run/clustermesh/lab/east/redis' },
      ...{ netns: 'cm-lab-east-cp', cgroup: '/cg/clustermesh-lab/east/control-plane' },
    });
    expect(clusterOf(plan, 'west')).not.toHaveProperty('redis');
  });

  it('keeps the control plane of cluster 0 out of the way of the bridge', () => {
    expect(root.underlay).toMatchObject({ address: '172.30.0.1', netns: 'cm-lab-underlay' });
  });

  it('gives services a range that no pod has', () => {
    expect(clusterOf(root, 'east')).toMatchObject({ podCidr: '10.1.0.0/16', serviceCidr: '10.101.0.0/16' });
  });

  it('gives a dual-stack cluster a second range for nodes, pods and services, and no other cluster', () => {
    const clusters = [
      { name: 'east', id: 1, nodes: 2, ipFamilies: ['IPv4', 'IPv6'] as const },
      { name: 'west', id: 2, nodes: 1 },
    ];
    const dual = planMesh({ mesh: 'lab', clusters }, { mode: 'root', stateRoot: '/run/clustermesh' });
    expect(clusterOf(dual, 'east')).toMatchObject({ podCidr6: 'fd00:10:1::/48', serviceCidr6: 'fd00:20:1::/112' });
    expect(nodeOf(clusterOf(dual, 'east'), 'n2')).toMatchObject({ podCidr6: 'fd00:10:1:2::/64' });
    expect(clusterOf(dual, 'west').podCidr6 ?? nodeOf(clusterOf(dual, 'west'), 'n1').podCidr6).toBeUndefined();
    expect(secondAddress('10.1.2.254', 'fd00:10:1:2::/64')).toBe('fd00:10:1:2::254');
  });

  it('has neither namespaces nor cgroups nor bpffs without root', () => {
    const node = nodeOf(clusterOf(rootless, 'west'), 'n1');
    expect(node).toMatchObject({ address: '127.30.2.11', podCidr: '10.2.1.0/24' });
    expect([node.netns, node.cgroup, node.bpfDir, rootless.cgroup, rootless.bpffs]).toEqual(Array(5).fill(undefined));
  });

  it.each([
    { what: 'cluster', find: () => clusterOf(root, 'north'), want: 'it has east, west' },
    { what: 'node', find: () => nodeOf(clusterOf(root, 'east'), 'n3'), want: 'it has n1, n2' },
  ])('names what there is when asked for an unknown $what', ({ find, want }) => {
    expect(find).toThrow(want);
  });

  it('keeps unix sockets within the 107 bytes of their addresses, with the longest names', () => {
    const long = planMesh(
      { mesh: 'm'.repeat(12), clusters: [{ name: 'c'.repeat(16), id: 99, nodes: 9 }] },
      { mode: 'rootless', stateRoot: '/tmp/clustermesh-65534' },
    );
    const [cluster] = long.clusters;
    expect(`${cluster?.nodes[8]?.dir ?? ''}/root/var/run/clustermesh/agent.sock`.length).toBeLessThanOrEqual(107);
  });
});
