import { describe, expect, it } from '@jest/globals';
import { MemoryMap } from '@clustermesh/ebpf';

import { observedMap } from './observed-map.ts';

describe('an observed map', () => {
  const written: { count: number; inMap: boolean }[] = [];
  const map = new MemoryMap({ name: 'm', type: 'hash', keySize: 1, valueSize: 1, maxEntries: 8 });
  const observed = observedMap(map, (keys, _values, count) => {
    written.push({ count, inMap: map.lookup(keys.slice(0, 1)) !== undefined });
  });

  it('tells of every write when it is done', () => {
    observed.update(Uint8Array.of(1), Uint8Array.of(10));
    observed.updateBatch(Uint8Array.of(2, 3), Uint8Array.of(20, 30), 2);
    expect(written).toEqual([
      { count: 1, inMap: true },
      { count: 2, inMap: true },
    ]);
  });

  it('tells of no write that failed', () => {
    const many = Uint8Array.from({ length: 9 }, (_, index) => 10 + index);
    expect(() => observed.updateBatch(many, many, 9)).toThrow();
    expect(written).toHaveLength(2);
  });

  it('is the map in all else', () => {
    expect(observed.lookup(Uint8Array.of(3))).toEqual(Uint8Array.of(30));
    expect(observed.delete(Uint8Array.of(3))).toBe(true);
    observed.deleteBatch(Uint8Array.of(1), 1);
    expect(map.lookup(Uint8Array.of(1))).toBeUndefined();
    expect([...observed.entries()].length).toBe([...map.entries()].length);
  });
});
