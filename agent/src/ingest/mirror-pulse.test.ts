import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@clustermesh/runtime';

import { MirrorPulse } from './mirror-pulse.ts';

describe('MirrorPulse', () => {
  it.each([
    { name: 'never heard: not silent, for it may write no such keys', heard: [], at: 10_000, silent: false, steady: 0 },
    { name: 'heard in time', heard: [0, 900], at: 1_800, silent: false, steady: 1_800 },
    { name: 'silent', heard: [0, 900], at: 1_901, silent: true, steady: 0 },
    {
      name: 'back after a silence: steady only since then',
      heard: [0, 5_000, 5_500],
      at: 6_000,
      silent: false,
      steady: 1_000,
    },
  ])('$name', async ({ heard, at, silent, steady }) => {
    const clock = new FakeClock();
    const pulse = new MirrorPulse(clock, 1_000);
    for (const ms of heard) {
      await clock.advance(ms - clock.monotonicMs());
      pulse.heard();
    }
    await clock.advance(at - clock.monotonicMs());
    expect({ silent: pulse.isSilent, steady: pulse.steadyMs }).toEqual({ silent, steady });
  });
});
