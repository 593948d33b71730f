import { describe, expect, it } from '@jest/globals';
import { parseIp } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import { clusterOfPacked, packNode, underlayOfPacked, unpackNode } from './packed-node.ts';
import type { NodeFacts } from './packed-node.ts';

function prefix(ip: string, bits: number): Prefix {
  return { address: parseIp(ip) ?? new Uint8Array(16), bits };
}

describe('packNode', () => {
  it.each<{ name: string; facts: NodeFacts }>([
    {
      name: 'of both families',
      facts: {
        clusterId: 511,
        underlay: parseIp('192.0.2.255'),
        podCidrs: [prefix('10.2.255.0', 120), prefix('fd00:2::', 64)],
        addresses: [prefix('192.0.2.255', 128), prefix('2001:db8::ff', 128)],
        inside: [
          { prefix: prefix('10.2.255.8', 128), identity: 8 },
          { prefix: prefix('fd00:2::4', 128), identity: 0x0102_0304 },
        ],
      },
    },
    {
      name: 'that tells nothing',
      facts: { clusterId: 1, underlay: undefined, podCidrs: [], addresses: [], inside: [] },
    },
    {
      name: 'with more ranges than a byte counts',
      facts: {
        clusterId: 3,
        underlay: parseIp('2001:db8::1'),
        podCidrs: Array.from({ length: 300 }, (_, at) => prefix(`10.${at >> 8}.${at & 255}.0`, 120)),
        addresses: [],
        inside: [],
      },
    },
  ])('keeps all of a node $name', ({ facts }) => {
    const packed = packNode(facts);
    expect(unpackNode(packed)).toEqual(facts);
    expect(underlayOfPacked(packed)).toEqual(facts.underlay);
    expect(clusterOfPacked(packed)).toBe(facts.clusterId);
  });
});
