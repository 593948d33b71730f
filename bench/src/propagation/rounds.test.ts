import { describe, expect, it } from '@jest/globals';

import { passes } from '../figure.ts';
import { apiFigures, joinMeasured, propagationFigures, renderRounds } from './rounds.ts';
import type { Measured, Round } from './rounds.ts';

/** 100 changes, of which the two slowest took `tail`. */
const side = (body: number, tail: number, lost = 0): Measured => ({
  ms: [tail, tail, ...Array.from({ length: 98 }, () => body)],
  lost,
  rate: 200,
});

const rounds: readonly Round[] = [
  { floor: side(1, 4), ours: side(2, 6) },
  { floor: side(1, 90), ours: side(2, 7) },
  { floor: side(3, 5), ours: side(4, 400, 1) },
];

describe('the figures of propagation', () => {
  const figures = propagationFigures(rounds);

  it('are medians over rounds: one bad round of either side decides nothing', () => {
    expect(figures['p50_ms']?.value).toBe(2);
    expect(figures['p99_ms']?.value).toBe(7);
    expect(figures['floor_p50_ms']?.value).toBe(1);
    expect(figures['floor_p99_ms']?.value).toBe(5);
  });

  it('judge our 99th percentile by the floor’s of the same round', () => {
    expect(figures['p99_ratio']).toEqual({ value: 1.5, unit: 'x', target: { atMost: 2 } });
    const slow = propagationFigures([{ floor: side(1, 2), ours: side(1, 5) }]);
    expect(slow['p99_ratio'] && passes(slow['p99_ratio'])).toBe(false);
  });

  it('fail by a single lost change in any round', () => {
    expect(figures['lost']?.value).toBe(1);
    expect(figures['lost'] && passes(figures['lost'])).toBe(false);
  });
});

describe('the figures of the way from the API', () => {
  it('have no target but to lose nothing', () => {
    const figures = apiFigures(side(9, 30));
    expect(figures['api_to_map_p50_ms']).toEqual({ value: 9, unit: 'ms' });
    expect(figures['api_to_map_p99_ms']).toEqual({ value: 30, unit: 'ms' });
    expect(figures['api_to_map_lost'] && passes(figures['api_to_map_lost'])).toBe(true);
  });
});

describe('several turns', () => {
  it('count as one', () => {
    const parts = [
      { ms: [1, 2], lost: 1, rate: 199 },
      { ms: [3], lost: 2, rate: 201 },
    ];
    expect(joinMeasured(parts)).toEqual({ ms: [1, 2, 3], lost: 3, rate: 200 });
  });
});

describe('the table of rounds', () => {
  it('has both sides of a round in one line', () => {
    expect(renderRounds([{ floor: side(1, 4), ours: side(2, 6) }])).toBe(
      [
        'ROUND   CHANGES   FLOOR_P50_MS   P50_MS   FLOOR_P99_MS   P99_MS   FLOOR_MAX_MS   MAX_MS   P99_RATIO',
        '    1       100              1        2              4        6              4        6       1.500',
      ].join('\n'),
    );
  });
});
