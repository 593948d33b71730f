import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';

import { Backoff } from './backoff.ts';
import { FakeClock } from './fake-clock.ts';
import { Health } from './health.ts';
import { every, retryLoop, runAll } from './jobs.ts';
import { silentLogger } from './log.ts';
import { seededRandom } from './random.ts';

function setUp(): { clock: FakeClock; health: Health; backoff: Backoff; stop: AbortController } {
  const clock = new FakeClock();
  const backoff = new Backoff({ baseMs: 100, capMs: 1_000, random: seededRandom(1) });
  return { clock, health: new Health(clock), backoff, stop: new AbortController() };
}

describe('retryLoop', () => {
  it('runs again after failures, shows the reason meanwhile, and ends when the task returns', async () => {
    const { clock, health, backoff, stop } = setUp();
    let runs = 0;
    const done = retryLoop(
      async (_signal, progressed) => {
        runs++;
        if (runs < 3) throw new Error(`no luck ${runs}`);
        progressed();
      },
      { name: 'job', backoff, clock, health, log: silentLogger },
      stop.signal,
    );
    await clock.advance(0);
    expect(health.report()).toMatchObject([{ name: 'job', state: 'degraded', reason: 'no luck 1' }]);
    await clock.advance(2_000);
    await done;
    expect(runs).toBe(3);
    expect(health.report()).toMatchObject([{ state: 'ok' }]);
  });

  it('ends at once when aborted during a wait', async () => {
    const { clock, health, backoff, stop } = setUp();
    const failing = (): Promise<void> => Promise.reject(new Error('never'));
    const done = retryLoop(failing, { name: 'job', backoff, clock, health, log: silentLogger }, stop.signal);
    await clock.advance(0);
    stop.abort();
    await expect(done).resolves.toBeUndefined();
  });
});

describe('retryLoop logs', () => {
  it('a reason once as a warning, until it changes or the job got somewhere meanwhile', async () => {
    const { clock, health, backoff, stop } = setUp();
    const warned: string[] = [];
    const log = pino(
      { level: 'warn' },
      { write: (line: string) => void warned.push((JSON.parse(line) as { reason: string }).reason) },
    );
    const outcomes = ['a', 'a', 'a', 'b', 'progress', 'b'];
    const task = async (_signal: AbortSignal, progressed: () => void): Promise<void> => {
      const outcome = outcomes.shift();
      if (outcome === undefined) return;
      if (outcome === 'progress') progressed();
      throw new Error(outcome === 'progress' ? 'b' : outcome);
    };
    const done = retryLoop(task, { name: 'job', backoff, clock, health, log }, stop.signal);
    await clock.advance(60_000);
    await done;
    expect(warned).toEqual(['a', 'b', 'b']);
  });
});

describe('every', () => {
  it('runs at once and then each period, also after a failure', async () => {
    const { clock, health, stop } = setUp();
    const at: number[] = [];
    const task = (): Promise<void> => {
      at.push(clock.monotonicMs());
      return at.length === 2 ? Promise.reject(new Error('second')) : Promise.resolve();
    };
    const done = every(1_000, task, { name: 'tick', clock, health, log: silentLogger }, stop.signal);
    await clock.advance(3_500);
    stop.abort();
    await done;
    expect(at).toEqual([0, 1_000, 2_000, 3_000]);
  });
});

describe('runAll', () => {
  it('stops the other jobs when one fails, and throws that failure', async () => {
    const stopped: string[] = [];
    const waiting = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          stopped.push('waiting');
          resolve();
        });
      });
    const run = runAll([waiting, () => Promise.reject(new Error('broken'))], new AbortController().signal);
    await expect(run).rejects.toThrow('broken');
    expect(stopped).toEqual(['waiting']);
  });
});

describe('Backoff', () => {
  it('stays within its bounds, doubles its bound up to the cap, and starts over after a reset', () => {
    const highest = new Backoff({ baseMs: 100, capMs: 1_000, random: { next: () => 0 } });
    expect([1, 2, 3, 4, 5, 6].map(() => highest.next())).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    highest.reset();
    expect(highest.next()).toBe(100);
    const lowest = new Backoff({ baseMs: 100, capMs: 1_000, random: { next: () => 0.9999999 } });
    expect(lowest.next()).toBe(1);
  });
});
