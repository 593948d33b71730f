import { expect, it } from '@jest/globals';

import { longest, parseStalls, stallsSince } from './stalls.ts';

const stall = (ms: number, cpuMs: number, endMs: number) => ({ ms, cpuMs, endMs });

it('reads what the probe has written so far', () => {
  const lines = `${JSON.stringify(stall(12, 3, 100))}\n${JSON.stringify(stall(40, 40, 200))}\n{"ms":9`;
  expect(parseStalls(lines)).toEqual([stall(12, 3, 100), stall(40, 40, 200)]);
  expect(parseStalls('')).toEqual([]);
});

it('counts only what lies behind the moment', () => {
  const stalls = [stall(50, 50, 90), stall(50, 40, 120), stall(10, 5, 200)];
  expect(stallsSince(stalls, 100)).toEqual([stall(20, 16, 120), stall(10, 5, 200)]);
});

it('tells the longest, by the clock or on the processor', () => {
  const stalls = [stall(50, 5, 1), stall(20, 19, 2)];
  expect(longest(stalls, ({ ms }) => ms)).toBe(50);
  expect(longest(stalls, ({ cpuMs }) => cpuMs)).toBe(19);
  expect(longest([], ({ ms }) => ms)).toBe(0);
});
