import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { KeyIndex } from './key-index.ts';

describe('KeyIndex', () => {
  it('finds what was added and not removed, however hashes meet', () => {
    const someHash = fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff, 0x8000_0000), fc.nat(20), fc.nat(0xffff_ffff));
    fc.assert(
      fc.property(fc.array(fc.tuple(someHash, fc.boolean()), { maxLength: 300 }), (steps) => {
        const index = new KeyIndex();
        const slots = new Map<number, number>();
        for (const [step, [hash, adds]] of steps.entries()) {
          if (adds) {
            index.add(hash, step);
            slots.set(step, hash);
            continue;
          }
          const found = index.find(hash, () => true);
          if (found === -1) continue;
          expect(slots.get(found)).toBe(hash);
          index.remove(hash, found);
          slots.delete(found);
        }
        for (const [slot, hash] of slots) expect(index.find(hash, (each) => each === slot)).toBe(slot);
        for (const hash of [0, 1, 7]) expect(index.find(hash, (each) => !slots.has(each))).toBe(-1);
      }),
    );
  });

  it('divides its shards, also those whose hashes begin alike', () => {
    const index = new KeyIndex();
    const hashOf = (slot: number): number =>
      slot % 2 === 0 ? Math.imul(slot, 0x9e37_79b1) >>> 0 : (Math.imul(slot, 0x9e37_79b1) >>> 0) >>> 6;
    const count = 50_000;
    for (let slot = 0; slot < count; slot++) index.add(hashOf(slot), slot);
    const lost = (from: number): number => {
      let missing = 0;
      for (let slot = from; slot < count; slot++) {
        if (index.find(hashOf(slot), (each) => each === slot) !== slot) missing++;
      }
      return missing;
    };
    expect(lost(0)).toBe(0);
    for (let slot = 0; slot < count - 100; slot++) index.remove(hashOf(slot), slot);
    expect(lost(count - 100)).toBe(0);
    for (let slot = count - 100; slot < count; slot++) index.remove(hashOf(slot), slot);
    expect(index.find(hashOf(count - 1), () => true)).toBe(-1);
  });
});
