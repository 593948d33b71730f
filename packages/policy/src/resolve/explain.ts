import type { PolicyRef } from '../model.ts';
import type { RuleRef } from './compiled-policy.ts';
import type { Region } from './region.ts';
import { RowTable } from './row-table.ts';
import { lookUp } from './rows.ts';
import type { Row, Verdict } from './row.ts';
import { anybody } from './subject-direction.ts';
import { hostIdentity, noRule } from './subject-rules.ts';
import type { SubjectRules } from './subject-rules.ts';

export type Reason =
  /** A rule allows, or denies. */
  | 'rule'
  /** Policies select the subject, and none of their rules allows it. */
  | 'default-deny'
  /** Policies select the subject, and none of them denies what no rule allows. */
  | 'default-allow'
  /** No policy selects the subject in this direction. */
  | 'no-policy'
  /** The node's own probes of its pods. */
  | 'host'
  /** Nothing is known of the subject here. */
  | 'not-ready';

/** A verdict, and everything that had a say in it. */
export interface Explanation {
  readonly verdict: Verdict;
  readonly reason: Reason;
  /** The row of the map that decides; `remote` 0: it is for anybody. */
  readonly row?: Row & { readonly remote: number };
  /** Of that row. */
  readonly rule?: RuleRef;
  /** Every rule that speaks of the flow, denies first. */
  readonly matched: readonly MatchedRule[];
  /** Every policy that selects the subject in that direction. */
  readonly policies: readonly PolicyRef[];
}

export interface MatchedRule {
  readonly rule: RuleRef;
  readonly verdict: Verdict;
  /** It is about whoever it is, not about this identity. */
  readonly isForAnybody: boolean;
}

export function explainFlow(
  rules: SubjectRules | undefined,
  remote: number,
  at: Region,
  ruleOf: (number: number) => RuleRef | undefined,
): Explanation {
  if (rules === undefined) return { verdict: 'deny', reason: 'not-ready', matched: [], policies: [] };
  const own = new RowTable(rules.rowsOf(remote));
  const row = lookUp(at, own, rules.wildcard);
  const rule = row && ruleOf(row.rule);
  return {
    verdict: row?.verdict ?? 'deny',
    reason: reasonOf(row, remote, rules),
    ...(row && { row: { ...row, remote: row === own.longest(at) ? remote : anybody } }),
    ...(rule && { rule }),
    matched: matchedRules(rules, remote, at, ruleOf),
    policies: rules.policies,
  };
}

function reasonOf(row: Row | undefined, remote: number, { isDefaultDeny, policies }: SubjectRules): Reason {
  if (row === undefined) return 'default-deny';
  if (row.rule !== noRule) return 'rule';
  if (isDefaultDeny && remote === hostIdentity) return 'host';
  return policies.length > 0 ? 'default-allow' : 'no-policy';
}

function matchedRules(
  rules: SubjectRules,
  remote: number,
  at: Region,
  ruleOf: (number: number) => RuleRef | undefined,
): readonly MatchedRule[] {
  const matched = rules.rulesAbout(remote, at).flatMap(({ number, verdict, peers }) => {
    const rule = ruleOf(number);
    return rule === undefined ? [] : [{ rule, verdict, isForAnybody: peers === 'any' }];
  });
  return matched.sort((left, right) => right.verdict.localeCompare(left.verdict));
}
