import { describe, expect, it } from '@jest/globals';
import type { PolicyRef, RuleRef } from '@clustermesh/policy';

import { smallSizes } from '../../datapath/sim/testing/small-sizes.ts';
import { memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { encodePolicyHolder, encodePolicyKey, encodePolicyLengths, encodePolicyRow } from '../../maps/policy.ts';
import type { PolicyReasons } from '../policy-view.ts';
import { knownPolicy } from '../testing/known-policy.ts';
import { coveredText, explainDirection } from './explain-direction.ts';
import type { ExplainedDirection } from './explanation.ts';

const subject = 65_540;
const remote = 131_080;
const policy: PolicyRef = { kind: 'NetworkPolicy', namespace: 'demo', name: 'web' };
const rule: RuleRef = { policy, direction: 'egress', at: 'egress[0]' };
const allowedByRule: PolicyReasons = {
  ...{ verdict: 'allow', reason: 'rule', rule, policies: [policy] },
  matched: [{ rule, verdict: 'allow', isForAnybody: false }],
};
const deniedByDefault: PolicyReasons = { verdict: 'deny', reason: 'default-deny', matched: [], policies: [policy] };

interface Row {
  readonly remote: number;
  readonly length: number;
  readonly deny: boolean;
}

/** What is said of TCP port 80 where policies and map are these. */
function explain(reasons: PolicyReasons, rows: readonly Row[], notJudged = ''): ExplainedDirection {
  const maps = memoryDatapathMaps(smallSizes);
  const lengths = new Map<number, number>();
  for (const row of rows) {
    const bits = row.length === 0 ? 0 : (6 << 16) | (row.length === 24 ? 80 : 0);
    const key = encodePolicyKey({ subject, remote: row.remote, direction: 'egress', length: row.length, bits });
    maps.policy.update(key, encodePolicyRow({ deny: row.deny, rule: 7 }));
    lengths.set(row.remote, (lengths.get(row.remote) ?? 0) | (1 << row.length));
  }
  for (const [whose, bits] of lengths) {
    const holder = encodePolicyHolder({ subject, remote: whose, direction: 'egress' });
    maps.policy_len.update(holder, encodePolicyLengths(bits));
  }
  const asked = { direction: 'egress', subject, remote, protocol: 6, port: 80, notJudged } as const;
  return explainDirection(asked, { policy: knownPolicy({ reasons }), maps });
}

describe('explainDirection', () => {
  it('says who allows it, with the entries of the map behind it', () => {
    const rows = [
      { remote, length: 24, deny: false },
      { remote: 0, length: 0, deny: true },
    ];
    const entry = { subject, direction: 'egress', rule: 7, packets: 0, bytes: 0 };
    expect(explain(allowedByRule, rows)).toEqual({
      ...{ direction: 'egress', subject, remote, judged: true, notJudged: '', verdict: 'allowed', reason: 'rule' },
      rule: { policy, path: 'egress[0]', direction: 'egress' },
      matched: [{ rule: { policy, path: 'egress[0]', direction: 'egress' }, verdict: 'allowed', forAnybody: false }],
      policies: [policy],
      map: {
        ...{ verdict: 'allowed', reason: 'forwarded' },
        rows: [
          { ...entry, remote, covers: '6/80', length: 24, deny: false },
          { ...entry, remote: 0, covers: 'everything', length: 0, deny: true },
        ],
        lengths: [
          { remote, bits: 1 << 24 },
          { remote: 0, bits: 1 },
        ],
      },
      disagreement: '',
    });
  });

  it.each([
    {
      name: 'what policies deny and the map allows',
      reasons: deniedByDefault,
      rows: [{ remote: 0, length: 8, deny: false }],
      want: 'policies say denied, the policy map says allowed',
    },
    {
      name: 'what policies allow and the map knows nothing of',
      reasons: allowedByRule,
      rows: [],
      want: 'policies say allowed, the policy map says denied',
    },
  ])('says that the two do not agree: $name', ({ reasons, rows, want }) => {
    expect(explain(reasons, rows).disagreement).toBe(want);
  });

  it('says that nobody judges it', () => {
    expect(explain(deniedByDefault, [], 'scope none')).toMatchObject({ judged: false, notJudged: 'scope none' });
  });
});

describe('coveredText', () => {
  it.each([
    { bits: 0, length: 0, want: 'everything' },
    { bits: 17 << 16, length: 8, want: '17/*' },
    { bits: (6 << 16) | 80, length: 24, want: '6/80' },
    { bits: (6 << 16) | 80, length: 21, want: '6/80-87' },
    { bits: (6 << 16) | 0x8000, length: 9, want: '6/32768-65535' },
  ])('is $want', ({ bits, length, want }) => {
    expect(coveredText({ subject, remote, direction: 'egress', bits, length })).toBe(want);
  });
});
