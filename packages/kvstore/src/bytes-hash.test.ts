import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';

import { hashBytes, hashText } from './bytes-hash.ts';

describe('hashBytes', () => {
  it('is different for different lengths of zeros', () => {
    const hashes = Array.from({ length: 64 }, (_, length) => hashText(new Uint8Array(length)));
    expect(new Set(hashes).size).toBe(64);
  });

  it('notices every single flipped bit of a value, in both lanes', () => {
    const value = Uint8Array.from({ length: 203 }, (_, index) => (index * 37) & 0xff);
    const before = { ...hashBytes(value, { high: 0, low: 0 }) };
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = value.with(bit >> 3, (value[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      const { high, low } = hashBytes(flipped, { high: 0, low: 0 });
      expect(high).not.toBe(before.high);
      expect(low).not.toBe(before.low);
    }
  });

  it('has about as many collisions a lane as chance, and none in both, over values that differ little', () => {
    const count = 200_000;
    const [highs, lows, both] = [new Set<number>(), new Set<number>(), new Set<string>()];
    for (let index = 0; index < count; index++) {
      const { high, low } = hashBytes(Buffer.from(`{"IP":"10.1.2.3","ID":${index}}`), { high: 0, low: 0 });
      highs.add(high);
      lows.add(low);
      both.add(`${high}:${low}`);
    }
    // Expected by chance: count² / 2³³ ≈ 4.7 a lane.
    expect(count - highs.size).toBeLessThan(20);
    expect(count - lows.size).toBeLessThan(20);
    expect(both.size).toBe(count);
  });

  it('does not depend on where in a buffer the bytes lie', () => {
    const random = seededRandom(1);
    const value = Uint8Array.from({ length: 50 }, () => random.next() * 256);
    const shifted = Buffer.concat([Buffer.alloc(3), value, Buffer.alloc(5)]).subarray(3, 53);
    expect(hashText(shifted)).toBe(hashText(value));
  });
});
