import { FakeClock } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';

import type { MeshStatus } from './mesh-status.ts';
import { waitUntilReady } from './wait.ts';

const ready: MeshStatus = {
  cluster: { name: 'east', id: 1 },
  apiserver: { ready: 1, wanted: 1 },
  agents: { ready: 2, wanted: 2 },
  clusters: [],
  problems: [],
  notices: [],
};
const starting: MeshStatus = { ...ready, agents: { ready: 1, wanted: 2 } };

describe('waitUntilReady', () => {
  it('returns as soon as everything is ready', async () => {
    const clock = new FakeClock();
    const looks = [starting, starting, ready];
    const look = (): Promise<MeshStatus> => Promise.resolve(looks.shift() ?? starting);
    const waited = waitUntilReady(look, 60_000, clock, new AbortController().signal);
    await clock.advance(2_000);
    expect(await waited).toEqual({ status: ready, outcome: 'ready' });
    expect(looks).toEqual([]);
  });

  it('tells the last state when the time is over', async () => {
    const clock = new FakeClock();
    const waited = waitUntilReady(() => Promise.resolve(starting), 3_000, clock, new AbortController().signal);
    await clock.advance(3_000);
    expect(await waited).toEqual({ status: starting, outcome: 'timeout' });
    expect(clock.monotonicMs()).toBe(3_000);
  });

  it('ends at once when it is interrupted', async () => {
    const stop = new AbortController();
    const clock = new FakeClock();
    const waited = waitUntilReady(() => Promise.resolve(starting), 60_000, clock, stop.signal);
    await clock.advance(1_500);
    stop.abort();
    expect(await waited).toMatchObject({ outcome: 'interrupted' });
  });
});
