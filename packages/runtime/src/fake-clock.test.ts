import { describe, expect, it } from '@jest/globals';

import { systemClock } from './clock.ts';
import { FakeClock } from './fake-clock.ts';
import { seededRandom } from './random.ts';

describe('FakeClock', () => {
  it('wakes sleepers in order of time, at their time', async () => {
    const clock = new FakeClock(0);
    const woken: string[] = [];
    const sleep = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms);
      woken.push(`${name}@${clock.now()}`);
    };
    const all = Promise.all([sleep('b', 200), sleep('a', 100), sleep('c', 900)]);
    await clock.advance(500);
    expect(woken).toEqual(['a@100', 'b@200']);
    await clock.advance(500);
    await all;
    expect(woken).toEqual(['a@100', 'b@200', 'c@900']);
  });

  it('runs what a woken sleeper starts within the same advance', async () => {
    const clock = new FakeClock(0);
    const ticks: number[] = [];
    const loop = (async () => {
      while (ticks.length < 3) {
        await clock.sleep(10);
        ticks.push(clock.now());
      }
    })();
    await clock.advance(30);
    await loop;
    expect(ticks).toEqual([10, 20, 30]);
  });
});

describe.each([
  { name: 'systemClock', clock: systemClock },
  { name: 'FakeClock', clock: new FakeClock() },
])('$name', ({ clock }) => {
  it('ends a sleep at once, without an error, when the signal aborts', async () => {
    const stop = new AbortController();
    const sleeping = clock.sleep(60_000, stop.signal);
    stop.abort();
    await expect(sleeping).resolves.toBeUndefined();
    await expect(clock.sleep(60_000, stop.signal)).resolves.toBeUndefined();
  });
});

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, uniform in [0, 1)', () => {
    const numbers = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 1_000 }, () => random.next());
    };
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
    expect(numbers(7).every((number) => number >= 0 && number < 1)).toBe(true);
    expect(numbers(7).reduce((sum, number) => sum + number, 0) / 1_000).toBeCloseTo(0.5, 1);
  });
});
