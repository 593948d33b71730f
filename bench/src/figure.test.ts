import { describe, expect, it } from '@jest/globals';

import { describeTarget, passes } from './figure.ts';
import type { Figure } from './figure.ts';

describe('a figure', () => {
  it.each<{ name: string; figure: Figure; want: boolean; target: string }>([
    {
      name: 'at its upper bound passes',
      figure: { value: 2, unit: 'x', target: { atMost: 2 } },
      want: true,
      target: '<= 2',
    },
    { name: 'above it fails', figure: { value: 2.01, unit: 'x', target: { atMost: 2 } }, want: false, target: '<= 2' },
    {
      name: 'at its lower bound passes',
      figure: { value: 9, unit: '1/s', target: { atLeast: 9 } },
      want: true,
      target: '>= 9',
    },
    { name: 'below it fails', figure: { value: 8, unit: '1/s', target: { atLeast: 9 } }, want: false, target: '>= 9' },
    { name: 'that nobody aims at passes', figure: { value: 1e9, unit: 'ms' }, want: true, target: '' },
    {
      name: 'that was not measured fails',
      figure: { value: NaN, unit: 'x', target: { atMost: 2 } },
      want: false,
      target: '<= 2',
    },
  ])('$name', ({ figure, want, target }) => {
    expect(passes(figure)).toBe(want);
    expect(describeTarget(figure)).toBe(target);
  });
});
