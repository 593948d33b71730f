import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { RowList } from './row-list.ts';

describe('RowList', () => {
  it('gives every row once, whatever is added meanwhile', () => {
    const step = fc.record({ push: fc.nat(10_000), take: fc.nat(10_000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const list = new RowList();
        const model: number[] = [];
        let next = 0;
        for (const { push, take } of steps) {
          for (let count = 0; count < push; count++) {
            list.push(next);
            model.push(next++);
          }
          expect(list.take(take)).toEqual(model.splice(Math.max(0, model.length - take)).reverse());
          expect(list.length).toBe(model.length);
        }
      }),
      { numRuns: 20 },
    );
  });
});
