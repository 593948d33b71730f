import type { PolicyReasons, PolicyView } from '../policy-view.ts';
import { pointRegion } from '@clustermesh/policy';

import { lookUpPolicy } from '../../datapath/sim/policy-lookup.ts';
import type { PolicyAnswer, PolicyEntry } from '../../datapath/sim/policy-lookup.ts';
import type { DatapathMaps } from '../../maps/datapath-maps.ts';
import { policyRule } from '../tell-flow.ts';
import type { ExplainedDirection, MapRow, MapVerdict } from './explanation.ts';

/** A question to policy, as the programs ask it. */
export interface Judgement {
  readonly direction: 'egress' | 'ingress';
  readonly subject: number;
  readonly remote: number;
  readonly protocol: number;
  readonly port: number;
  /** Why the programs do not ask it; '' = they do. */
  readonly notJudged: string;
}

export interface ExplainDirectionOptions {
  readonly policy: Pick<PolicyView, 'resolver'>;
  readonly maps: Pick<DatapathMaps, 'policy' | 'policy_len'>;
}

/** What policies say of one end of a flow, what the map says, and whether that is the same. */
export function explainDirection(asked: Judgement, { policy, maps }: ExplainDirectionOptions): ExplainedDirection {
  const { direction, subject, remote, notJudged } = asked;
  const at = pointRegion(asked.protocol, asked.port);
  const why = policy.resolver.explain(subject, direction, remote, at);
  const map = mapVerdict(asked, lookUpPolicy({ rows: maps.policy, lengths: maps.policy_len }, asked));
  const verdict = why.verdict === 'allow' ? 'allowed' : 'denied';
  return {
    direction,
    subject,
    remote,
    judged: notJudged === '',
    notJudged,
    verdict,
    reason: why.reason,
    ...(why.rule === undefined ? {} : { rule: policyRule(why.rule) }),
    matched: matchedRules(why),
    policies: why.policies,
    map,
    disagreement: verdict === map.verdict ? '' : `policies say ${verdict}, the policy map says ${map.verdict}`,
  };
}

function matchedRules({ matched }: PolicyReasons): ExplainedDirection['matched'] {
  return matched.map(({ rule, verdict, isForAnybody }) => ({
    rule: policyRule(rule),
    verdict: verdict === 'allow' ? 'allowed' : 'denied',
    forAnybody: isForAnybody,
  }));
}

const mapReasons: Readonly<Record<PolicyAnswer['verdict'], string>> = {
  allow: 'forwarded',
  deny: 'policy denied',
  'no rule': 'policy no rule',
  'not ready': 'policy not ready',
};

function mapVerdict({ remote }: Judgement, answer: PolicyAnswer): MapVerdict {
  const { own, anybody } = answer.lengths;
  return {
    verdict: answer.verdict === 'allow' ? 'allowed' : 'denied',
    reason: mapReasons[answer.verdict],
    rows: answer.entries.map(mapRow),
    lengths: [
      { remote, bits: bitsOf(own) },
      { remote: 0, bits: bitsOf(anybody) },
    ],
  };
}

function mapRow({ key, row }: PolicyEntry): MapRow {
  const { subject, remote, direction, length } = key;
  return { subject, remote, direction, covers: coveredText(key), length, ...row };
}

function bitsOf(lengths: readonly number[]): number {
  return lengths.reduce((bits, length) => bits | (1 << length), 0) >>> 0;
}

/** `everything`, `6/*`, `6/80`, `6/80-87`. */
export function coveredText({ bits, length }: PolicyEntry['key']): string {
  if (length < protocolBits) return 'everything';
  const protocol = bits >>> portBits;
  if (length === protocolBits) return `${protocol}/*`;
  const first = bits & 0xffff;
  const last = first + 2 ** (protocolBits + portBits - length) - 1;
  return first === last ? `${protocol}/${first}` : `${protocol}/${first}-${last}`;
}

const protocolBits = 8;
const portBits = 16;
