import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { WaitingRows } from './waiting-rows.ts';

const always = (): boolean => true;

describe('WaitingRows', () => {
  it('gives rows of a known identity in portions', () => {
    const waiting = new WaitingRows();
    for (let row = 0; row < 5; row++) waiting.add(row, 7);
    waiting.add(5, 8);
    waiting.identityKnown(7);
    expect(waiting.take(3, always)).toHaveLength(3);
    expect(waiting.hasKnown).toBe(true);
    expect(waiting.take(3, always)).toHaveLength(2);
    expect(waiting.hasKnown).toBe(false);
  });

  it('keeps those whose identity has gone meanwhile', () => {
    const waiting = new WaitingRows();
    waiting.add(1, 7);
    waiting.identityKnown(7);
    expect(waiting.take(10, () => false)).toEqual([]);
    expect(waiting.hasKnown).toBe(false);
    waiting.identityKnown(7);
    expect(waiting.take(10, always)).toEqual([1]);
  });

  it('gives exactly the rows that still wait', () => {
    const step = fc.record({ row: fc.nat(12), identity: fc.constantFrom(7, 8), wait: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const waiting = new WaitingRows();
        const model = new Map<number, number>();
        for (const { row, identity, wait } of steps) {
          const before = model.get(row);
          if (before !== undefined) waiting.remove(row, before);
          model.delete(row);
          if (!wait) continue;
          waiting.add(row, identity);
          model.set(row, identity);
        }
        for (const identity of [7, 8]) {
          waiting.identityKnown(identity);
          const want = [...model].filter(([, of]) => of === identity).map(([row]) => row);
          expect([...waiting.take(100, always)].sort((a, b) => a - b)).toEqual(want.sort((a, b) => a - b));
        }
      }),
    );
  });
});
