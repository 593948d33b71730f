import { describe, expect, it } from '@jest/globals';

import { calmestRound, policyFigures, renderRounds } from './policy-rounds.ts';
import type { PolicyRound } from './policy-rounds.ts';

const round = (identityMs: number, few: number, many: number): PolicyRound => ({
  identityMs: [1, identityMs],
  foreignLoad: 0.1,
  packetNs: new Map([
    [10, { cold: [few, few, 9_000], warm: [few / 2] }],
    [1_000, { cold: [few], warm: [few] }],
    [100_000, { cold: [many], warm: [many] }],
  ]),
});

describe('policyFigures', () => {
  it('are medians over rounds of what each round measured', () => {
    const figures = policyFigures([round(2, 100, 200), round(900, 100, 250), round(4, 100, 150)]);
    expect(figures).toMatchObject({
      one_identity_p99_ms: { value: 4 },
      packet_ns_10: { value: 100 },
      packet_warm_ns_10: { value: 50 },
      packet_ns_100000: { value: 200 },
      packet_ratio_100k: { value: 2 },
      packet_warm_ratio_100k: { value: 4 },
    });
  });

  it('what was not measured is told as such', () => {
    expect(policyFigures([])['one_identity_p99_ms']?.value).toBeNaN();
  });

  it('rounds are shown one by one', () => {
    expect(renderRounds([round(2, 100, 200), round(3, 100, 200)]).split('\n')).toHaveLength(3);
  });
});

describe('calmestRound', () => {
  it('is of the turns in which others kept the processors busy least', () => {
    const turns = [0.9, 0.1, 0.2].map((foreignLoad) => ({ ...round(foreignLoad, 100, 200), foreignLoad }));
    const { identityMs, foreignLoad, packetNs } = calmestRound(turns, 2);
    expect(identityMs).toEqual([1, 0.1, 1, 0.2]);
    expect(foreignLoad).toBeCloseTo(0.15);
    expect(packetNs.get(100_000)?.warm).toEqual([200, 200]);
  });
});
