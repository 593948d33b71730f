import { describe, expect, it } from '@jest/globals';

import { median, percentile } from './statistics.ts';

const oneTo = (last: number): number[] => Array.from({ length: last }, (_, index) => last - index);

describe('percentile', () => {
  it.each([
    { name: 'the 99th of 1,000 is the tenth-worst but one', values: oneTo(1_000), share: 0.99, want: 990 },
    { name: 'the 99th of few is the worst', values: oneTo(50), share: 0.99, want: 50 },
    { name: 'the 50th of an even count is a value that occurred', values: [4, 1, 3, 2], share: 0.5, want: 2 },
    { name: 'the 0th is the least', values: oneTo(5), share: 0, want: 1 },
    { name: 'the 100th is the greatest', values: oneTo(5), share: 1, want: 5 },
    { name: 'numbers are compared as numbers', values: [10, 9, 100], share: 0.5, want: 10 },
    { name: 'of nothing there is none', values: [], share: 0.5, want: NaN },
  ])('$name', ({ values, share, want }) => expect(percentile(values, share)).toBe(want));
});

describe('median', () => {
  it.each([
    { name: 'of an odd count is the middle', values: [9, 1, 5], want: 5 },
    { name: 'of an even count lies between the two in the middle', values: [1, 10, 2, 20], want: 6 },
    { name: 'of nothing there is none', values: [], want: NaN },
  ])('$name', ({ values, want }) => expect(median(values)).toBe(want));
});
