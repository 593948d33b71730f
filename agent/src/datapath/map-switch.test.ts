import { describe, expect, it } from '@jest/globals';
import { FakeClock, Health, silentLogger } from '@clustermesh/runtime';

import { MapSwitch } from './map-switch.ts';

describe('MapSwitch', () => {
  const clock = new FakeClock();
  const deps = { clock, log: silentLogger };

  it('lets programs use the maps once nothing is missing in them, and tells until then', async () => {
    const health = new Health(clock);
    let missing: string | undefined = 'waiting for cluster east';
    let switched = 0;
    const useMaps = (): void => {
      switched++;
    };
    const done = new MapSwitch({ ...deps, health, useMaps, missing: () => missing }).run(new AbortController().signal);
    await clock.advance(1_000);
    expect(switched).toBe(0);
    expect(health.report()).toMatchObject([{ name: 'datapath/maps', state: 'degraded' }]);
    expect(health.report()[0]?.reason).toContain('waiting for cluster east');
    missing = undefined;
    await clock.advance(1_000);
    await done;
    expect(switched).toBe(1);
    expect(health.report()).toMatchObject([{ state: 'ok' }]);
  });

  it('leaves programs on their maps when it is stopped before', async () => {
    const stop = new AbortController();
    const useMaps = (): never => {
      throw new Error('switched');
    };
    const health = new Health(clock);
    const done = new MapSwitch({ ...deps, health, useMaps, missing: () => 'all' }).run(stop.signal);
    stop.abort();
    await expect(done).resolves.toBeUndefined();
  });

  it('has nothing to do where programs use the maps', async () => {
    const health = new Health(clock);
    await new MapSwitch({ ...deps, health, useMaps: undefined, missing: () => 'all' }).run(
      new AbortController().signal,
    );
    expect(health.report()).toEqual([]);
  });
});
