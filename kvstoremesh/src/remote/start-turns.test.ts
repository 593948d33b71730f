import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@clustermesh/runtime';

import { StartTurns } from './start-turns.ts';

describe('StartTurns', () => {
  const begin = async (count: number) => {
    const clock = new FakeClock();
    const turns = new StartTurns(clock);
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const stops = Array.from({ length: count }, () => new AbortController());
    for (const [index, stop] of stops.entries()) {
      void turns.take(stop.signal).then((end) => {
        if (!stop.signal.aborted) started.push(index);
        ends[index] = end;
      });
    }
    await clock.advance(0);
    return { clock, started, ends, stops };
  };

  it('lets 24 start at a time, and the next one when one of them ends, which counts once', async () => {
    const { clock, started, ends } = await begin(30);
    expect(started).toHaveLength(24);
    ends[3]?.();
    ends[3]?.();
    await clock.advance(0);
    expect(started.slice(24)).toEqual([24]);
  });

  it('waits no longer than two seconds for those that never end', async () => {
    const { clock, started } = await begin(30);
    await clock.advance(1_999);
    expect(started).toHaveLength(24);
    await clock.advance(1);
    expect(started).toHaveLength(30);
  });

  it('gives no turn to one that has left', async () => {
    const { clock, started, ends, stops } = await begin(26);
    stops[24]?.abort();
    ends[0]?.();
    await clock.advance(0);
    expect(started.slice(24)).toEqual([25]);
  });
});
