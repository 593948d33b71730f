import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';
import { parseIp, worldIpv4Identity } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';
import fc from 'fast-check';

import { ClusterClaims } from './cluster-claims.ts';
import { IpcacheTable } from './ipcache-table.ts';

const clusterId = 2;
const pod = clusterId * 65_536 + 1;
const prefix: Prefix = { address: parseIp('10.2.1.60') ?? new Uint8Array(16), bits: 128 };

function setUp() {
  const ranges = { owner: () => undefined, touchesLocal: () => false };
  const random = seededRandom(1);
  const ipcache = new IpcacheTable({ random, localClusterId: 1, ranges, isIdentityKnown: () => true });
  const references = new Map<number, number>();
  const count = (index: number, by: number): void => {
    if (index !== 0) references.set(index, (references.get(index) ?? 0) + by);
  };
  const claims = new ClusterClaims({ ipcache, nodeIndexes: { release: (index) => count(index, -1) } });
  return {
    entry: (nodeIndex: number, identity = pod) => {
      count(nodeIndex, 1);
      claims.setEntry(prefix, { clusterId, identity, nodeIndex });
    },
    range: (nodeIndex: number) => {
      count(nodeIndex, 1);
      claims.setRange(prefix, clusterId, nodeIndex);
    },
    withdraw: () => claims.removeEntry(prefix, clusterId),
    now: () => ipcache.claimOf(prefix.address, prefix.bits, clusterId),
    held: () => Object.fromEntries([...references].filter(([, times]) => times !== 0)),
  };
}

describe('a range of one address, and an entry of the same', () => {
  it('the entry counts, whichever comes first; without it the range does', () => {
    const { entry, range, withdraw, now } = setUp();
    entry(1);
    range(2);
    expect(now()).toMatchObject({ identity: pod, nodeIndex: 1 });
    withdraw();
    expect(now()).toMatchObject({ identity: worldIpv4Identity, nodeIndex: 2 });
    entry(3);
    expect(now()).toMatchObject({ identity: pod, nodeIndex: 3 });
    range(0);
    expect(now()).toMatchObject({ identity: pod, nodeIndex: 3 });
    withdraw();
    expect(now()).toBeUndefined();
  });

  it('say the same in any order of events, and hold one reference each', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('entry' as const), node: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ kind: fc.constant('range' as const), node: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ kind: fc.constant('withdraw' as const), node: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const world = setUp();
        let entry: number | undefined;
        let range = 0;
        for (const { kind, node } of steps) {
          world[kind](node);
          if (kind === 'range') range = node;
          else entry = kind === 'entry' ? node : undefined;
          const byRange = range === 0 ? undefined : { identity: worldIpv4Identity, nodeIndex: range };
          const wanted = entry === undefined ? byRange : { identity: pod, nodeIndex: entry };
          expect(world.now()).toEqual(wanted && { clusterId, ...wanted });
          const held: Record<number, number> = {};
          for (const index of [entry ?? 0, range]) if (index !== 0) held[index] = (held[index] ?? 0) + 1;
          expect(world.held()).toEqual(held);
        }
      }),
    );
  });
});
