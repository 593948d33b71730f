import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@clustermesh/runtime';
import { rfc3339 } from '@clustermesh/wire';
import type { Freshness } from '@clustermesh/wire';

import { ContactAge } from './contact-age.ts';

const hour = 3_600_000;

function setUp() {
  const clock = new FakeClock();
  const age = new ContactAge(clock);
  /** As a writer whose clock is `skewMs` ahead of ours writes it. */
  const write = (lastContactAgoMs: number, skewMs = 0): Freshness => {
    const now = clock.now() + skewMs;
    const text = (ms: number): string => rfc3339(ms);
    return {
      ...{ connected: false, since: text(now), sourceRevision: '1', storeId: 'a', overQuota: 0 },
      ...{ lastContact: text(now - lastContactAgoMs), writtenAt: text(now) },
    };
  };
  return { clock, age, write };
}

describe('ContactAge', () => {
  it('is not known before anything was written', () => {
    const { age } = setUp();
    expect(age.ms).toBeUndefined();
    age.vanished();
    expect(age.hasVanished).toBe(false);
  });

  it('grows by our own clock', async () => {
    const { clock, age, write } = setUp();
    age.heard(write(5_000), true);
    expect(age.ms).toBe(5_000);
    await clock.advance(20_000);
    expect(age.ms).toBe(25_000);
  });

  it.each([
    { name: 'ahead', skewMs: hour },
    { name: 'behind', skewMs: -hour },
  ])('does not mind a writer whose clock is an hour $name', async ({ skewMs }) => {
    const { clock, age, write } = setUp();
    age.heard(write(5_000, skewMs), true);
    await clock.advance(1_000);
    expect(age.ms).toBe(6_000);
  });

  it('of what was written before we came takes the clocks to agree, until something is written', async () => {
    const { clock, age, write } = setUp();
    const old = write(0);
    await clock.advance(2 * hour);
    age.heard(old, false);
    expect(age.ms).toBe(2 * hour);
    const fromTheFuture = write(0, hour);
    age.heard(fromTheFuture, false);
    expect(age.ms).toBe(0);
    age.heard(write(7_000, hour), true);
    expect(age.ms).toBe(7_000);
  });

  it('follows a step of the writer\u2019s clock', async () => {
    const { clock, age, write } = setUp();
    age.heard(write(1_000, hour), true);
    await clock.advance(10_000);
    age.heard(write(2_000, -hour), true);
    expect(age.ms).toBe(2_000);
  });

  it('knows a cluster that was never reached', () => {
    const { age, write } = setUp();
    age.heard({ ...write(0), lastContact: '' }, true);
    expect(age.ms).toBeUndefined();
  });

  it('goes on from what was known when the key vanishes, until it is written again', async () => {
    const { clock, age, write } = setUp();
    age.heard(write(1_000), true);
    age.vanished();
    await clock.advance(60_000);
    expect(age.ms).toBe(61_000);
    expect(age.hasVanished).toBe(true);
    age.heard(write(0), true);
    expect(age.hasVanished).toBe(false);
    expect(age.ms).toBe(0);
  });
});
