import { describe, expect, it } from '@jest/globals';

import { changeAt } from './changes.ts';
import type { Sighting } from './changes.ts';
import { byAddressAndIdentity } from './latencies.ts';
import { measure } from './measure.ts';

/** A change every 5 ms, each seen 2 ms later; `takes` says how many are told at each asking. */
function way(takes: readonly number[]): Parameters<typeof measure>[0] & { readonly asked: () => number } {
  let asked = 0;
  let waiting: Sighting[] = [];
  const sighting = (sequence: number, lateMs: number): Sighting => ({
    ...changeAt(sequence),
    atMs: sequence * 5 + lateMs,
  });
  return {
    nameOf: byAddressAndIdentity,
    send: async (count) => {
      waiting = Array.from({ length: count }, (_, sequence) => sighting(sequence, 2));
      return Array.from({ length: count }, (_, sequence) => sighting(sequence, 0));
    },
    take: async () => waiting.splice(0, takes[asked++] ?? 0),
    asked: () => asked,
  };
}

describe('measure', () => {
  it('leaves the warm-up out', async () => {
    const { ms, lost, rate } = await measure(way([0, 30]), { warmUp: 10, measured: 20 });
    expect({ ms, lost }).toEqual({ ms: Array.from({ length: 20 }, () => 2), lost: 0 });
    expect(rate).toBeCloseTo(200);
  });

  it('asks again until every change has been seen', async () => {
    const slow = way([0, 5, 5, 20]);
    const { lost } = await measure(slow, { warmUp: 0, measured: 30 });
    expect({ lost, asked: slow.asked() }).toEqual({ lost: 0, asked: 4 });
  });
});
