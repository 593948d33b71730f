import { describe, expect, it } from '@jest/globals';

import { paceOf } from './pace.ts';

describe('paceOf', () => {
  it.each([
    { name: 'nobody', nodes: 0, batch: 1, pauseMs: 5_000 },
    { name: 'one node: once an interval', nodes: 1, batch: 1, pauseMs: 5_000 },
    { name: 'a few nodes: evenly', nodes: 5, batch: 1, pauseMs: 1_000 },
    { name: 'many nodes: some at once', nodes: 1_000, batch: 4, pauseMs: 20 },
    { name: 'all that an interval takes', nodes: 5_000, batch: 20, pauseMs: 20 },
    { name: 'a huge mesh: as often as the highest rate allows', nodes: 60_000, batch: 20, pauseMs: 20 },
  ])('$name', ({ nodes, batch, pauseMs }) => {
    expect(paceOf(nodes, 5_000)).toEqual({ batch, pauseMs });
  });

  it('never asks more than a thousand a second, however short the interval', () => {
    for (const nodes of [1, 7, 999, 4_321, 60_000]) {
      const { batch, pauseMs } = paceOf(nodes, 1_000);
      expect((batch / pauseMs) * 1_000).toBeLessThanOrEqual(1_000);
    }
  });
});
