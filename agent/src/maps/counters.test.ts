import { expect, it } from '@jest/globals';

import { counterValueLayout, readCounters } from './counters.ts';

function perCpu(...counts: readonly number[]): Uint8Array {
  const value = new Uint8Array(counts.length * counterValueLayout.size);
  const view = new DataView(value.buffer);
  for (const [cpu, count] of counts.entries()) view.setBigUint64(cpu * counterValueLayout.size, BigInt(count), true);
  return value;
}

it('sums counters over CPUs and names them; numbers that it does not know stay numbers', () => {
  const entries = new Map([
    [Uint8Array.of(1, 3, 0, 0), perCpu(3, 4)],
    [Uint8Array.of(200, 9, 0, 0), perCpu(0, 1)],
  ]);
  expect(readCounters({ entries: () => entries.entries() })).toEqual([
    { reason: 'no backend', direction: 'socket', count: 7 },
    { reason: '200', direction: '9', count: 1 },
  ]);
});
