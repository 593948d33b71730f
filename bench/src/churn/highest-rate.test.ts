import { describe, expect, it } from '@jest/globals';

import { highestRate } from './highest-rate.ts';

const search = { from: 1_000, upTo: 10_000, trialSeconds: 5, confirmSeconds: 30 };

describe('highestRate', () => {
  it.each([
    { name: 'comes close to the edge from below', edge: 5_300, want: [4_600, 5_300] },
    { name: 'tries no more than the highest', edge: 1e9, want: [10_000, 10_000] },
    { name: 'is what is known to hold, where nothing more does', edge: 1_000, want: [1_000, 1_000] },
    { name: 'is none, where the lowest does not hold for long', edge: 900, want: [0, 0] },
  ])('$name', async ({ edge, want: [low = 0, high = 0] }) => {
    const found = await highestRate(search, (rate) => Promise.resolve(rate <= edge));
    expect(found).toBeGreaterThanOrEqual(low);
    expect(found).toBeLessThanOrEqual(high);
  });

  it('is confirmed by a long trial, and lower when that fails', async () => {
    const long: number[] = [];
    const found = await highestRate(search, (rate, seconds) => {
      if (seconds === 30) long.push(rate);
      return Promise.resolve(rate <= (seconds === 30 ? 3_000 : 4_000));
    });
    expect(found).toBeLessThanOrEqual(3_000);
    expect(found).toBeGreaterThan(2_400);
    expect(long.at(-1)).toBe(found);
  });
});
