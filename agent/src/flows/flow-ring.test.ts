import { describe, expect, it } from '@jest/globals';

import { FlowRing } from './flow-ring.ts';

function filled(capacity: number, count: number): FlowRing<number> {
  const ring = new FlowRing<number>(capacity);
  for (let number = 0; number < count; number++) ring.push(number);
  return ring;
}

describe('FlowRing', () => {
  it.each([
    { name: 'all that is kept', from: 0, limit: 9, want: { entries: [0, 1, 2], next: 3, missed: 0 } },
    { name: 'no more than is wanted', from: 1, limit: 1, want: { entries: [1], next: 2, missed: 0 } },
    { name: 'nothing while there is nothing new', from: 3, limit: 9, want: { entries: [], next: 3, missed: 0 } },
  ])('gives $name', ({ from, limit, want }) => {
    expect(filled(4, 3).read(from, limit)).toEqual(want);
  });

  it('keeps the last ones, and counts what a reader missed', () => {
    const ring = filled(4, 10);
    expect(ring.first).toBe(6);
    expect(ring.read(3, 9)).toEqual({ entries: [6, 7, 8, 9], next: 10, missed: 3 });
  });

  it('wakes whoever waits for the next one', async () => {
    const ring = filled(4, 1);
    const woken = ring.reached(1, new AbortController().signal);
    ring.push(1);
    await woken;
    expect(ring.next).toBe(2);
  });

  it('lets go of whoever stops waiting', async () => {
    const stop = new AbortController();
    const woken = filled(4, 1).reached(1, stop.signal);
    stop.abort();
    await expect(woken).resolves.toBeUndefined();
  });
});
