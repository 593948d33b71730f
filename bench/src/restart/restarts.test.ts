import { expect, it } from '@jest/globals';

import { passes } from '../figure.ts';
import { renderRestarts, restartFigures } from './restarts.ts';
import type { Restart } from './restarts.ts';

const calm: Restart = {
  readyMs: 1_000,
  importMs: 300,
  maxStallMs: 20,
  maxStallCpuMs: 15,
  rssMib: 100,
  peakRssMib: 120,
  connects: 500,
  failed: 0,
  reasons: [],
  slowestMs: 3,
};

it('one hiccup decides nothing, but is shown', () => {
  const figures = restartFigures([calm, { ...calm, maxStallMs: 900 }, calm]);
  expect(figures['max_stall_ms']).toMatchObject({ value: 20, target: { atMost: 50 } });
  expect(figures['worst_stall_ms']?.value).toBe(900);
  expect(Object.values(figures).every(passes)).toBe(true);
});

it('one failed connect in any restart fails', () => {
  const figures = restartFigures([calm, { ...calm, failed: 1, reasons: ['connect ECONNREFUSED'] }, calm]);
  expect(figures['failed_connects']).toMatchObject({ value: 1 });
  expect(Object.values(figures).every(passes)).toBe(false);
});

it('no traffic proves nothing', () => {
  const figures = restartFigures([{ ...calm, connects: 0 }]);
  expect(Object.values(figures).every(passes)).toBe(false);
});

it('shows why connects failed', () => {
  expect(renderRestarts([{ ...calm, failed: 2, reasons: ['a', 'b'] }])).toContain('a; b');
});
