import { describe, expect, it } from '@jest/globals';

import { FakeClock } from './fake-clock.ts';
import { RateBudget } from './rate-budget.ts';

const { signal } = new AbortController();

describe('RateBudget', () => {
  function start(perSecond: number, burst: number) {
    const clock = new FakeClock();
    const budget = new RateBudget({ perSecond, burst }, clock);
    const takenAt: number[] = [];
    const startMs = clock.monotonicMs();
    const take = (amount: number, stop = signal): void =>
      void budget.take(amount, stop).then(() => takenAt.push(clock.monotonicMs() - startMs));
    return { clock, budget, take, takenAt };
  }

  it('lets a burst through, then so much a second', async () => {
    const { clock, take, takenAt } = start(10, 20);
    for (let count = 0; count < 5; count++) take(10);
    await clock.advance(10_000);
    expect(takenAt.slice(0, 2)).toEqual([0, 0]);
    expect(takenAt[2]).toBeGreaterThan(0);
    expect(takenAt[4]).toBeGreaterThanOrEqual(2_000);
    expect(takenAt[4]).toBeLessThan(3_500);
  });

  it('tells what may be taken without debt: what is left, and credit', async () => {
    const { clock, budget, take } = start(10, 20);
    expect(budget.available).toBe(20);
    take(25);
    await clock.advance(0);
    expect(budget.available).toBe(0);
    budget.addCredit(3);
    expect(budget.available).toBe(3);
    await clock.advance(1_000);
    expect(budget.available).toBe(8);
  });

  it('lets one through that is larger than the burst, and those behind pay for it', async () => {
    const { clock, budget, take, takenAt } = start(10, 20);
    take(120);
    take(1);
    await clock.advance(0);
    expect(takenAt).toEqual([0]);
    expect(budget.waiting).toBe(1);
    await clock.advance(11_000);
    expect(takenAt).toHaveLength(2);
    expect(budget.waiting).toBe(0);
    expect(budget.waitedMs).toBeGreaterThan(9_000);
  });

  it('spends credit first, and takes back no more than there is', async () => {
    const { clock, budget, take, takenAt } = start(1, 1);
    budget.addCredit(500);
    take(500);
    take(1);
    await clock.advance(0);
    expect(takenAt).toEqual([0, 0]);
    budget.addCredit(-500);
    take(1);
    await clock.advance(0);
    expect(takenAt).toHaveLength(2);
  });

  it('takes a new rate at once', async () => {
    const { clock, budget, take, takenAt } = start(1, 1);
    take(1_000);
    take(1);
    await clock.advance(2_000);
    budget.setRate({ perSecond: 1_000_000, burst: 10 });
    await clock.advance(2_000);
    expect(takenAt).toHaveLength(2);
  });

  it('ends on abort, also for those behind', async () => {
    const { clock, take, takenAt } = start(1, 1);
    const stop = new AbortController();
    take(1_000);
    take(1, stop.signal);
    take(1, stop.signal);
    await clock.advance(0);
    stop.abort();
    await clock.advance(0);
    expect(takenAt).toHaveLength(3);
  });
});
