import { FakeClock, seededRandom, silentLogger } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';

import { ReconcileLoop } from './reconcile-loop.ts';

const stop = new AbortController();

function loopOf(reconcile: () => Promise<void>): { loop: ReconcileLoop; clock: FakeClock } {
  const clock = new FakeClock();
  const loop = new ReconcileLoop('test', reconcile, { clock, random: seededRandom(1), log: silentLogger });
  void loop.run(stop.signal);
  return { loop, clock };
}

describe('ReconcileLoop', () => {
  it('serves triggers that come while it works with one more run', async () => {
    let runs = 0;
    const gate = Promise.withResolvers<undefined>();
    const { loop, clock } = loopOf(async () => {
      runs++;
      if (runs === 1) await gate.promise;
    });
    loop.trigger();
    await clock.advance(0);
    loop.trigger();
    loop.trigger();
    expect(runs).toBe(1);
    gate.resolve(undefined);
    await clock.advance(0);
    expect(runs).toBe(2);
  });

  it('tries again after a failure, without a trigger', async () => {
    let runs = 0;
    const { loop, clock } = loopOf(async () => {
      runs++;
      if (runs === 1) throw new Error('not yet');
    });
    loop.trigger();
    await clock.advance(0);
    expect(runs).toBe(1);
    await clock.advance(1000);
    expect(runs).toBe(2);
    await clock.advance(10_000);
    expect(runs).toBe(2);
  });
});
