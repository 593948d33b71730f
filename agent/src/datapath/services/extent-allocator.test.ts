import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ExtentAllocator } from './extent-allocator.ts';

describe('ExtentAllocator', () => {
  it('uses a capacity that is no power of two to the last slot', () => {
    const extents = new ExtentAllocator(13);
    const bases = [8, 4, 1].map((length) => extents.allocate(length));
    expect(bases).toEqual([0, 8, 12]);
    expect(extents.allocate(1)).toBeUndefined();
  });

  it('grows freed neighbours together again', () => {
    const extents = new ExtentAllocator(16);
    const bases = Array.from({ length: 16 }, () => extents.allocate(1) ?? -1);
    expect(extents.allocate(2)).toBeUndefined();
    for (const base of bases) extents.release(base, 1);
    expect(extents.allocate(16)).toBe(0);
  });

  it('takes over a predecessor\u2019s extents and keeps clear of them', () => {
    const extents = new ExtentAllocator(16);
    expect(extents.reserve(4, 3)).toBe(true);
    expect(extents.reserve(5, 1)).toBe(false);
    expect(extents.reserve(2, 3)).toBe(false);
    expect(extents.allocate(8)).toBe(8);
    expect([extents.allocate(4), extents.allocate(1)]).toEqual([0, undefined]);
  });

  it('never hands out overlapping extents, and all slots come back', () => {
    const action = fc.oneof(fc.record({ allocate: fc.integer({ min: 1, max: 20 }) }), fc.record({ release: fc.nat() }));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const extents = new ExtentAllocator(100);
        const held: { base: number; length: number }[] = [];
        for (const step of actions) {
          if ('allocate' in step) {
            const base = extents.allocate(step.allocate);
            if (base === undefined) continue;
            expect(base + step.allocate).toBeLessThanOrEqual(100);
            for (const other of held) {
              expect(base + step.allocate <= other.base || other.base + other.length <= base).toBe(true);
            }
            held.push({ base, length: step.allocate });
          } else if (held.length > 0) {
            const [gone] = held.splice(step.release % held.length, 1);
            if (gone !== undefined) extents.release(gone.base, gone.length);
          }
        }
        for (const { base, length } of held) extents.release(base, length);
        expect(extents.used).toBe(0);
        expect(extents.allocate(64)).toBe(0);
      }),
    );
  });
});
