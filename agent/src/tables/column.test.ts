import { describe, expect, it } from '@jest/globals';

import { Column, SparsePairs, chunkRows } from './column.ts';

describe('Column', () => {
  it('is 0 where nothing was written, also behind its last chunk', () => {
    const column = new Column(Uint16Array);
    column.set(chunkRows + 1, 7);
    expect([0, chunkRows, chunkRows + 1, chunkRows * 3].map((row) => column.get(row))).toEqual([0, 0, 7, 0]);
  });
});

describe('SparsePairs', () => {
  it('keeps what rows have, and nothing of a row that was deleted', () => {
    const pairs = new SparsePairs();
    pairs.add(1, 10, 11);
    pairs.add(2, 20, 21);
    pairs.add(chunkRows, 30, 31);
    pairs.delete(1);
    pairs.setSecond(2, 22);
    expect([pairs.first(2), pairs.second(2), pairs.first(chunkRows)]).toEqual([20, 22, 30]);
    pairs.delete(2);
    expect(pairs.first(2)).toBe(0);
    pairs.add(1, 12, 13);
    expect([pairs.first(1), pairs.second(1), pairs.second(2)]).toEqual([12, 13, 0]);
  });
});
