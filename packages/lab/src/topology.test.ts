import { describe, expect, it } from '@jest/globals';

import { parseTopology, upCommand } from './topology.ts';

const east = { name: 'east', id: 1, nodes: 2, ipFamilies: ['IPv4' as const] };

describe('parseTopology', () => {
  it('fills in the mesh and two nodes of IPv4 a cluster', () => {
    const want = {
      mesh: 'lab',
      clusters: [{ ...east, source: 'kubernetes', cache: 'etcd' }],
      startupTaint: false,
      settings: {},
      samples: [],
    };
    expect(parseTopology({ clusters: [{ name: 'east', id: 1 }] })).toEqual(want);
  });

  it.each([
    { name: 'no cluster', input: { clusters: [] }, want: 'clusters' },
    { name: 'one name twice', input: { clusters: [east, { ...east, id: 2 }] }, want: 'same name' },
    { name: 'one id twice', input: { clusters: [east, { ...east, name: 'west' }] }, want: 'same id' },
    {
      name: 'an id whose pods would meet services',
      input: { clusters: [{ ...east, id: 100 }] },
      want: 'clusters.0.id',
    },
    { name: 'a name with a dot, which bpffs refuses', input: { clusters: [{ ...east, name: 'a.b' }] }, want: 'name' },
    { name: 'a mesh with a dash, prefix of another mesh', input: { mesh: 'a-b', clusters: [east] }, want: 'mesh' },
    { name: 'IPv6 without IPv4', input: { clusters: [{ ...east, ipFamilies: ['IPv6'] }] }, want: 'ipFamilies' },
    { name: 'an unknown setting', input: { clusters: [{ ...east, node: 3 }] }, want: 'node' },
  ])('refuses $name', ({ input, want }) => {
    expect(() => parseTopology(input)).toThrow(want);
  });
});

describe('upCommand', () => {
  it('names what the lab is made of, so that it is taken over and not refused', () => {
    const topology = { mesh: 'doc', clusters: [east, { name: 'west', id: 2, nodes: 2 }] };
    expect(upCommand(topology)).toBe('clustermesh lab up --mesh doc --clusters east,west --nodes 2');
  });

  it('names what the clusters have more than by default', () => {
    const dual = { ...east, ipFamilies: ['IPv4', 'IPv6'] as const, cache: 'redis' as const };
    expect(upCommand({ mesh: 'doc', clusters: [dual], startupTaint: true })).toBe(
      'clustermesh lab up --mesh doc --clusters east --nodes 2 --dual-stack --cache redis --startup-taint',
    );
  });
});
