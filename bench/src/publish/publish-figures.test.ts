import { describe, expect, it } from '@jest/globals';

import { passes } from '../figure.ts';
import { calmestChanges, calmestStarts, publishFigures, renderStarts } from './publish-figures.ts';
import type { ChangeTurn, StartRound } from './publish-figures.ts';

const process = { maxStallMs: 20, maxStallCpuMs: 15, peakRssMib: 300, cpuMs: 2_000 };
const our = (ms: number) => ({ ms, ...process, mistakes: [] });

const start = (floorMs: number, ms: number, foreignLoad = 0): StartRound => ({
  floor: { ms: floorMs, cpuMs: 1_000 },
  ours: our(ms),
  first: our(ms * 2),
  foreignLoad,
});

const turn = (floorMs: number, ms: number, { lost = 0, unneeded = 0, foreignLoad = 0 } = {}): ChangeTurn => ({
  floor: { ms: [floorMs, floorMs], lost: 0, rate: 500 },
  ours: { ms: [ms, ms], lost, rate: 499 },
  unneeded,
  foreignLoad,
});

const figuresOf = (starts: readonly StartRound[], turns: readonly ChangeTurn[], mistakes: readonly string[] = []) =>
  publishFigures(starts, { rounds: turns, apiserver: process, mistakes });

const verdicts = (figures: ReturnType<typeof figuresOf>): string[] =>
  Object.entries(figures).flatMap(([name, figure]) => (passes(figure) ? [] : [name]));

describe('the figures of publish', () => {
  it('are medians over rounds of what each round measured', () => {
    const figures = figuresOf(
      [start(100, 150), start(100, 900), start(80, 160)],
      [turn(1, 1.5), turn(1, 90), turn(2, 2)],
    );
    expect(figures).toMatchObject({
      floor_ratio: { value: 0.5 },
      start_ms: { value: 160 },
      first_floor_ratio: { value: 0.25 },
      cpu_ratio: { value: 0.5 },
      p99_ratio: { value: 1.5 },
      p99_ms: { value: 2 },
      floor_p50_ms: { value: 1 },
    });
    expect(verdicts(figures)).toEqual([]);
  });

  it.each([
    { name: 'a slow start', starts: [start(100, 201)], turns: [turn(1, 1)], want: ['floor_ratio'] },
    { name: 'late changes', starts: [start(1, 1)], turns: [turn(1, 2.1)], want: ['p99_ratio'] },
    { name: 'one lost change', starts: [start(1, 1)], turns: [turn(1, 1), turn(1, 1, { lost: 1 })], want: ['lost'] },
    {
      name: 'a write too many',
      starts: [start(1, 1)],
      turns: [turn(1, 1, { unneeded: 1 })],
      want: ['unneeded_writes'],
    },
  ])('fail by $name', ({ starts, turns, want }) => expect(verdicts(figuresOf(starts, turns))).toEqual(want));

  it('fail by what the store has wrong, at the start or at the end', () => {
    expect(verdicts(figuresOf([start(1, 1)], [turn(1, 1)], ['10.0.0.1 is missing']))).toEqual(['lost']);
    const wrong = { ...start(1, 1), first: { ...our(1), mistakes: ['10.0.0.1 is missing'] } };
    expect(verdicts(figuresOf([wrong], [turn(1, 1)]))).toEqual(['start_mistakes']);
  });

  it('have the memory of the largest process', () => {
    const large = { ...start(1, 1), first: { ...our(1), peakRssMib: 501 } };
    expect(verdicts(figuresOf([large], [turn(1, 1)]))).toEqual(['rss_mib']);
  });
});

describe('several turns or rounds', () => {
  it('count without those in which others had the processor, but what was written without need was', () => {
    const turns = [turn(1, 9, { foreignLoad: 1.9, unneeded: 1 }), turn(1, 2, { foreignLoad: 0.1 })];
    expect(calmestChanges(turns, 1)).toMatchObject({ ours: { ms: [2, 2] }, unneeded: 1 });
  });

  it('of starts the same', () => {
    expect(calmestStarts([start(1, 9, 1.9), start(1, 2, 0.1)], 1)).toEqual([start(1, 2, 0.1)]);
  });

  it('are shown one a line', () => {
    expect(renderStarts([start(1, 2), start(1, 2)]).split('\n')).toHaveLength(3);
  });
});
