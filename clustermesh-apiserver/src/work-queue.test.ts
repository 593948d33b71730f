import { describe, expect, it } from '@jest/globals';

import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';

import { WorkQueue } from './work-queue.ts';

function setUp(work: (key: string) => Promise<void>, options: { concurrency?: number; restMs?: number } = {}) {
  const clock = new FakeClock();
  const health = new Health(clock);
  const queue = new WorkQueue(work, {
    name: 'work',
    concurrency: options.concurrency ?? 1,
    restMs: options.restMs ?? 0,
    clock,
    random: seededRandom(1),
    health,
    log: silentLogger,
  });
  const stop = new AbortController();
  return { clock, health, queue, stop, stateOf: () => health.report()[0]?.state };
}

describe('WorkQueue', () => {
  it('works once on a key added many times', async () => {
    const done: string[] = [];
    const { clock, queue, stop } = setUp(async (key) => void done.push(key));
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    const running = queue.run(stop.signal);
    await clock.advance(0);
    expect(done).toEqual(['a', 'b']);
    stop.abort();
    await running;
  });

  it('works again on a key that changed while it was worked on', async () => {
    const done: string[] = [];
    const { clock, queue, stop } = setUp(async (key) => {
      done.push(key);
      if (done.length === 1) queue.add(key);
      await clock.sleep(10);
    });
    queue.add('a');
    void queue.run(stop.signal);
    await clock.advance(5);
    expect(done).toEqual(['a']);
    await clock.advance(10);
    expect(done).toEqual(['a', 'a']);
    stop.abort();
  });

  it('lets others have the event loop while it works on many keys', async () => {
    const done: string[] = [];
    let nowMs = 0;
    const { clock, queue, stop } = setUp(async (key) => {
      done.push(key);
      nowMs += 4;
    });
    clock.monotonicMs = () => nowMs;
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) queue.add(key);
    void queue.run(stop.signal);
    const lengths: number[] = [];
    while (done.length < 6) {
      await new Promise((resolve) => setImmediate(resolve));
      lengths.push(done.length);
    }
    expect(lengths).toEqual([3, 6]);
    stop.abort();
  });

  it('lets a key rest, so that a burst costs one run at once and one after', async () => {
    const times: number[] = [];
    const { clock, queue, stop } = setUp(async () => void times.push(clock.monotonicMs()), { restMs: 50 });
    void queue.run(stop.signal);
    for (let burst = 0; burst < 20; burst++) {
      queue.add('a');
      await clock.advance(1);
    }
    await clock.advance(200);
    expect(times).toEqual([0, 50]);
    stop.abort();
  });

  it('works on other keys while one rests or fails', async () => {
    const done: string[] = [];
    const { clock, queue, stop } = setUp(
      async (key) => {
        if (key === 'bad') throw new Error('no');
        done.push(key);
      },
      { restMs: 1000 },
    );
    void queue.run(stop.signal);
    for (const key of ['bad', 'a', 'b']) queue.add(key);
    await clock.advance(0);
    expect(done).toEqual(['a', 'b']);
    stop.abort();
  });

  it('never works on more keys at a time than allowed', async () => {
    let now = 0;
    let most = 0;
    const { clock, queue, stop } = setUp(
      async () => {
        most = Math.max(most, ++now);
        await clock.sleep(10);
        now--;
      },
      { concurrency: 3 },
    );
    for (let key = 0; key < 10; key++) queue.add(`${key}`);
    void queue.run(stop.signal);
    await clock.advance(100);
    expect(most).toBe(3);
    expect(queue.size).toBe(0);
    stop.abort();
  });

  it('retries what failed until it succeeds, and says so in health meanwhile', async () => {
    let failures = 3;
    const { clock, queue, stop, stateOf } = setUp(async () => {
      if (failures-- > 0) throw new Error('no');
    });
    queue.add('a');
    void queue.run(stop.signal);
    await clock.advance(0);
    expect(stateOf()).toBe('degraded');
    await clock.advance(5_000);
    expect(stateOf()).toBe('ok');
    expect(queue.size).toBe(0);
    stop.abort();
  });

  it('starts nothing after abort, and ends when the work in hand has ended', async () => {
    const done: string[] = [];
    const { clock, queue, stop } = setUp(async (key) => {
      await clock.sleep(10);
      done.push(key);
    });
    queue.add('a');
    queue.add('b');
    const running = queue.run(stop.signal);
    await clock.advance(5);
    stop.abort();
    await clock.advance(5);
    await running;
    expect(done).toEqual(['a']);
  });
});
