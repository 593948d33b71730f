import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';
import fc from 'fast-check';

import { PrefixMap } from './prefix-map.ts';

/** Of a /16 of small networks, so that many overlap. */
function prefix(host: number, bits: number): Prefix {
  const address = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, host >> 8, host & 255);
  const whole = address.map((byte, at) => byte & ~(0xff >> Math.min(8, Math.max(0, bits - 8 * at))));
  return { address: whole, bits };
}

function key({ address, bits }: Prefix): string {
  return `${[...address.subarray(12)].join('.')}/${bits}`;
}

function contains(outer: Prefix, inner: Prefix): boolean {
  const host = ((inner.address[14] ?? 0) << 8) | (inner.address[15] ?? 0);
  return outer.bits <= inner.bits && key(prefix(host, outer.bits)) === key(outer);
}

describe('PrefixMap', () => {
  const step = fc.record({
    host: fc.integer({ min: 0, max: 0xffff }),
    bits: fc.constantFrom(112, 118, 120, 121, 125, 128),
    isDelete: fc.boolean(),
  });

  it('finds what a plain search finds, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(step, { maxLength: 10 }), (steps, asked) => {
        const map = new PrefixMap<string>(seededRandom(1));
        const plain = new Map<string, Prefix>();
        for (const { host, bits, isDelete } of steps) {
          const one = prefix(host, bits);
          if (isDelete) map.delete(one);
          else map.set(one, key(one));
          if (isDelete) plain.delete(key(one));
          else plain.set(key(one), one);
        }
        expect(map.size).toBe(plain.size);
        for (const { host, bits } of asked) {
          const one = prefix(host, bits);
          const around = [...plain.values()].filter((each) => contains(each, one)).sort((a, b) => b.bits - a.bits);
          const inside = [...plain.values()].filter((each) => contains(one, each) && each.bits > one.bits);
          expect(map.get(one)).toBe(plain.has(key(one)) ? key(one) : undefined);
          expect(map.longest(one.address, one.bits)).toBe(around[0] && key(around[0]));
          expect(map.around(one)?.prefix).toEqual(around[0]);
          const overlapping = [...map.overlapping(one)].map(({ prefix: its, value }) => {
            expect(key(its)).toBe(value);
            return value;
          });
          expect(overlapping.sort()).toEqual([...around, ...inside].map(key).sort());
        }
      }),
    );
  });

  it('goes on where many come and go: each in its part', () => {
    const map = new PrefixMap<number>(seededRandom(2));
    const order = Array.from({ length: 5_000 }, (_, at) => (at * 2_477) % 5_000);
    for (const host of order) map.set(prefix(host, 128), host);
    const inside = [...map.overlapping(prefix(0, 112))].map(({ value }) => value);
    expect(inside).toEqual(Array.from({ length: 5_000 }, (_, host) => host));
    for (const host of order) if (host % 3 > 0) map.delete(prefix(host, 128));
    expect([...map.overlapping(prefix(0, 120))].map(({ value }) => value)).toEqual(
      Array.from({ length: 86 }, (_, at) => at * 3),
    );
    for (const host of order) map.delete(prefix(host, 128));
    expect([...map.overlapping(prefix(0, 112))]).toEqual([]);
  });
});
