import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';
import { formatIp, parseCidr, parseIp, prefixOf } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';
import fc from 'fast-check';

import { PodCidrs } from './pod-cidrs.ts';

const [west, east, north] = [1, 2, 3];

function prefix(text: string): Prefix {
  const cidr = parseCidr(text);
  const found = cidr && prefixOf(cidr);
  if (found === undefined) throw new Error(`${text} is no network`);
  return found;
}

function address(text: string): Uint8Array {
  return parseIp(text) ?? new Uint8Array(16);
}

function setUp() {
  const holders = new Map<string, number | undefined>();
  const cidrs = new PodCidrs(seededRandom(1), west, ({ address: at }, clusterId, node) => {
    if (node === undefined) holders.delete(`${formatIp(at)} ${clusterId}`);
    else holders.set(`${formatIp(at)} ${clusterId}`, node);
  });
  const conflicts = (): readonly string[] =>
    [...cidrs.conflicts()].map(
      ({ prefix: lost, clusterId, holderId }) => `${formatIp(lost.address)} ${clusterId}<${holderId}`,
    );
  return { cidrs, conflicts, holders };
}

describe('PodCidrs', () => {
  it('knows the owner of an address by the longest range', () => {
    const { cidrs } = setUp();
    cidrs.claim(prefix('10.2.0.0/16'), east, 1);
    cidrs.claim(prefix('10.2.1.0/24'), east, 1);
    cidrs.claim(prefix('10.3.1.0/24'), north, 1);
    cidrs.claim(prefix('fd00:3::/64'), north, 1);
    expect(
      ['10.2.1.1', '10.2.9.1', '10.3.1.1', 'fd00:3::1', '10.4.0.1'].map((text) => cidrs.owner(address(text))),
    ).toEqual([...[east, east, north, north, undefined]]);
  });

  it.each([
    { name: 'the same', first: '10.2.1.0/24', second: '10.2.1.0/24' },
    { name: 'one inside', first: '10.2.0.0/16', second: '10.2.1.0/24' },
    { name: 'one around', first: '10.2.1.0/24', second: '10.0.0.0/8' },
  ])('of overlapping ranges of two clusters the first is held, until it goes: $name', ({ first, second }) => {
    const { cidrs, conflicts } = setUp();
    cidrs.claim(prefix(first), east, 1);
    cidrs.claim(prefix(second), north, 1);
    expect(cidrs.owner(address('10.2.1.1'))).toBe(east);
    expect(conflicts()).toEqual([`${formatIp(prefix(second).address)} 3<2`]);
    cidrs.release(prefix(first), east, 1);
    expect(cidrs.owner(address('10.2.1.1'))).toBe(north);
    expect(conflicts()).toEqual([]);
  });

  it('ours goes before all others, whenever it comes; what stood behind the loser is held', () => {
    const { cidrs, conflicts } = setUp();
    cidrs.claim(prefix('10.0.0.0/8'), east, 1);
    cidrs.claim(prefix('10.3.1.0/24'), north, 1);
    cidrs.claim(prefix('10.1.1.0/24'), west, 1);
    expect(['10.1.1.1', '10.3.1.1', '10.9.1.1'].map((text) => cidrs.owner(address(text)))).toEqual([
      west,
      north,
      undefined,
    ]);
    expect(conflicts()).toEqual(['10.0.0.0 2<1']);
    cidrs.release(prefix('10.1.1.0/24'), west, 1);
    expect(cidrs.owner(address('10.3.1.1'))).toBe(north);
    expect(conflicts()).toEqual(['10.0.0.0 2<3']);
  });

  it('goes with the last node that claims it', () => {
    const { cidrs } = setUp();
    cidrs.claim(prefix('10.2.0.0/16'), east, 1);
    cidrs.claim(prefix('10.2.0.0/16'), east, 2);
    cidrs.release(prefix('10.2.0.0/16'), east, 1);
    expect(cidrs.owner(address('10.2.1.1'))).toBe(east);
    cidrs.release(prefix('10.2.0.0/16'), east, 2);
    expect(cidrs.owner(address('10.2.1.1'))).toBeUndefined();
  });

  it('tells by which node a range is held, and when it is no more', () => {
    const { cidrs, holders } = setUp();
    cidrs.claim(prefix('10.2.0.0/16'), east, 1);
    cidrs.claim(prefix('10.2.0.0/16'), east, 2);
    cidrs.claim(prefix('10.2.1.0/24'), north, 3);
    expect([...holders]).toEqual([['10.2.0.0 2', 1]]);
    cidrs.release(prefix('10.2.0.0/16'), east, 1);
    expect([...holders]).toEqual([['10.2.0.0 2', 2]]);
    cidrs.release(prefix('10.2.0.0/16'), east, 2);
    expect([...holders]).toEqual([['10.2.1.0 3', 3]]);
    cidrs.claim(prefix('10.2.1.128/25'), west, 4);
    expect([...holders]).toEqual([['10.2.1.128 1', 4]]);
  });

  it.each([
    { text: '10.1.1.7/32', want: true },
    { text: '10.1.2.7/32', want: false },
    { text: '0.0.0.0/0', want: true },
    { text: '10.2.0.0/16', want: false },
  ])('$text touches our range 10.1.1.0/24: $want', ({ text, want }) => {
    const { cidrs } = setUp();
    cidrs.claim(prefix('10.1.1.0/24'), west, 1);
    expect(cidrs.touchesLocal(prefix(text))).toBe(want);
  });

  it('whatever comes and goes, no two clusters hold overlapping ranges, and a lost claim has something in its way', () => {
    const step = fc.record({
      text: fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '10.1.1.128/25', '10.2.0.0/16', '10.2.1.0/24'),
      cluster: fc.constantFrom(west, east, north),
      add: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { cidrs } = setUp();
        const claims = new Map<string, number>();
        for (const { text, cluster, add } of steps) {
          const key = `${text} ${cluster}`;
          if (add) cidrs.claim(prefix(text), cluster, 1);
          else cidrs.release(prefix(text), cluster, 1);
          claims.set(key, add ? 1 : 0);
        }
        const lost = new Set(
          [...cidrs.conflicts()].map(
            ({ prefix: at, clusterId }) => `${formatIp(at.address)}/${at.bits - 96} ${clusterId}`,
          ),
        );
        const all = [...claims].filter(([, count]) => count > 0).map(([key]) => key);
        const held = all.filter((key) => !lost.has(key));
        const overlap = (one: string, other: string): boolean => {
          const [a, b] = [prefix(one.split(' ')[0] ?? ''), prefix(other.split(' ')[0] ?? '')];
          const bits = Math.min(a.bits, b.bits);
          const start = (at: Uint8Array): string =>
            [...at]
              .map((byte) => byte.toString(2).padStart(8, '0'))
              .join('')
              .slice(0, bits);
          return start(a.address) === start(b.address);
        };
        const clusterOf = (key: string): string => key.split(' ')[1] ?? '';
        const rivals = (key: string): readonly string[] =>
          held.filter((other) => clusterOf(other) !== clusterOf(key) && overlap(key, other));
        for (const key of held) expect(rivals(key)).toEqual([]);
        for (const key of lost) expect(rivals(key)).not.toEqual([]);
        for (const key of all) if (clusterOf(key) === String(west)) expect(held).toContain(key);
      }),
    );
  });
});
