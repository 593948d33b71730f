import { describe, expect, it } from '@jest/globals';

import { FakeClock } from '@clustermesh/runtime';

import { Watchdog } from './watchdog.ts';

describe('Watchdog', () => {
  it('bites after the idle time, and not before', async () => {
    const clock = new FakeClock();
    using watchdog = new Watchdog(1000, clock);
    await clock.advance(999);
    expect(watchdog.hasBitten).toBe(false);
    await clock.advance(1);
    expect(watchdog.hasBitten).toBe(true);
    expect(watchdog.signal.aborted).toBe(true);
  });

  it('waits the idle time again from each feeding', async () => {
    const clock = new FakeClock();
    using watchdog = new Watchdog(1000, clock);
    await clock.advance(900);
    watchdog.feed();
    await clock.advance(999);
    expect(watchdog.hasBitten).toBe(false);
    await clock.advance(1);
    expect(watchdog.hasBitten).toBe(true);
  });

  it('never bites once disposed of', async () => {
    const clock = new FakeClock();
    const watchdog = new Watchdog(1000, clock);
    watchdog[Symbol.dispose]();
    await clock.advance(5000);
    expect(watchdog.hasBitten).toBe(false);
  });
});
