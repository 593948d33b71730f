import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';
import fc from 'fast-check';

import { PrefixIndex, hostPrefix } from './prefix-index.ts';

function address(number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set([0xff, 0xff], 10);
  new DataView(bytes.buffer).setUint32(12, number);
  return bytes;
}

describe('PrefixIndex', () => {
  it('tells an address from a prefix with the same bits', () => {
    const index = new PrefixIndex(seededRandom(1));
    const host = index.insert(address(0x0a000000), hostPrefix);
    const cidr = index.insert(address(0x0a000000), 120);
    expect(host).not.toBe(cidr);
    expect(index.find(address(0x0a000000), 120)).toBe(cidr);
    expect(index.find(address(0x0a000000), 119)).toBe(-1);
    expect(index.address(cidr)).toEqual(address(0x0a000000));
    expect(index.prefixLength(cidr)).toBe(120);
  });

  it('keeps row numbers while it grows', () => {
    const index = new PrefixIndex(seededRandom(1));
    const rows = Array.from({ length: 10_000 }, (_, i) => index.insert(address(i), hostPrefix));
    expect(index.size).toBe(10_000);
    expect(rows.every((row, i) => index.find(address(i), hostPrefix) === row)).toBe(true);
    expect(index.rowCapacity).toBeLessThan(20_000);
  });

  it('tells addresses of both families apart, and uses row numbers again', () => {
    const index = new PrefixIndex(seededRandom(1));
    const v6 = Uint8Array.from({ length: 16 }, (_, at) => at);
    const [first, second] = [index.insert(address(1), hostPrefix), index.insert(v6, hostPrefix)];
    expect([index.address(first), index.address(second)]).toEqual([address(1), v6]);
    index.remove(first);
    index.remove(second);
    expect([...index.rows()]).toEqual([]);
    expect([index.insert(address(2), hostPrefix), index.insert(address(2), 120)]).toEqual([first, second]);
    expect(index.find(v6, hostPrefix)).toBe(-1);
  });

  it('behaves like a map under random inserts and removals', () => {
    const step = fc.record({ add: fc.boolean(), number: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer(), (steps, seed) => {
        const index = new PrefixIndex(seededRandom(seed));
        const model = new Map<number, number>();
        for (const { add, number } of steps) {
          if (add) model.set(number, index.insert(address(number), hostPrefix));
          else {
            index.remove(model.get(number) ?? 1_000_000);
            model.delete(number);
          }
        }
        for (let number = 0; number <= 40; number++) {
          expect(index.find(address(number), hostPrefix)).toBe(model.get(number) ?? -1);
        }
        expect([...index.rows()].sort()).toEqual([...model.values()].sort());
      }),
    );
  });
});
