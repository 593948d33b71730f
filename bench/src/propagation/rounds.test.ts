import { describe, expect, it } from '@jest/globals';

import { passes } from '../figure.ts';
import { apiFigures, calmestRound, isCalm, propagationFigures, renderRounds } from './rounds.ts';
import type { Measured, Round, Turn } from './rounds.ts';

/** 100 changes, of which the two slowest took `tail`. */
const side = (body: number, tail: number, lost = 0): Measured => ({
  ms: [tail, tail, ...Array.from({ length: 98 }, () => body)],
  lost,
  rate: 200,
});

const rounds: readonly Round[] = [
  { floor: side(1, 4), ours: side(2, 6), foreignLoad: 0 },
  { floor: side(1, 90), ours: side(2, 7), foreignLoad: 0.1 },
  { floor: side(3, 5), ours: side(4, 400, 1), foreignLoad: 1.5 },
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
    const slow = propagationFigures([{ floor: side(1, 2), ours: side(1, 5), foreignLoad: 0 }]);
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
  const turn = (ms: number, lost: number, foreignLoad: number): Turn => {
    const measured = { ms: [ms, ms + 1], lost, rate: 200 + ms };
    return { floor: { ms: [0], lost: 0, rate: 200 }, ours: measured, foreignLoad };
  };

  it('count as one, without those in which others had the processor', () => {
    const { ours, foreignLoad } = calmestRound([turn(5, 0, 0.1), turn(90, 0, 1.9), turn(7, 0, 0.3)], 2);
    expect(ours.ms).toEqual([5, 6, 7, 8]);
    expect(ours.rate).toBe(206);
    expect(foreignLoad).toBeCloseTo(0.2);
  });

  it('lose what any of them lost', () => {
    expect(calmestRound([turn(5, 1, 0.1), turn(90, 2, 1.9)], 1).ours).toEqual({ ms: [5, 6], lost: 3, rate: 205 });
  });

  it.each([
    { foreignLoad: 0.05, want: true },
    { foreignLoad: 0.5, want: false },
  ])('are calm or not: $foreignLoad', ({ foreignLoad, want }) => {
    expect(isCalm(turn(1, 0, foreignLoad))).toBe(want);
  });
});

describe('the table of rounds', () => {
  it('has both sides of a round in one line', () => {
    expect(renderRounds([{ floor: side(1, 4), ours: side(2, 6), foreignLoad: 0.25 }])).toBe(
      [
        'ROUND   CHANGES   FLOOR_P50_MS   P50_MS   FLOOR_P99_MS   P99_MS   FLOOR_MAX_MS   MAX_MS   P99_RATIO   FOREIGN_LOAD',
        '    1       100              1        2              4        6              4        6       1.500          0.250',
      ].join('\n'),
    );
  });
});
