import { expect, it } from '@jest/globals';
import { countCpus, perCpuRecords } from './percpu.ts';

it.each([
  { list: '0\n', want: 1 },
  { list: '0-1\n', want: 2 },
  { list: '0-3,8\n', want: 5 },
  { list: '0,2,4-127\n', want: 126 },
])('counts the CPUs of $list', ({ list, want }) => {
  expect(countCpus(list)).toBe(want);
});

it('splits an entry into one record per CPU, without the padding', () => {
  const value = Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0, 0, 0);
  expect(perCpuRecords(value, 4)).toEqual([Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8)]);
});
