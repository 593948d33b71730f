import type { Problem } from '@clustermesh/policy';

import type { PolicyProgrammer } from '../datapath/policy-rows/policy-programmer.ts';
import type { PolicyState } from '../policy/policy-state.ts';
import type { PolicyRow } from '../tables/policy-table.ts';
import type { PolicyEntry, PolicyStatus, RefusedRule } from './agent-status.ts';

/** More are counted, not told. */
const shownRules = 50;

export function policyStatus(policy: PolicyState, programmer: PolicyProgrammer): PolicyStatus {
  const refused = refusedRules(policy.policies.values());
  return {
    scope: policy.scope,
    synced: policy.isSynced,
    policies: policy.policies.size,
    subjects: policy.subjectCount,
    rows: programmer.size,
    refusedRows: programmer.refused,
    refusedRules: refused.length,
    refused: refused.slice(0, shownRules),
  };
}

export function* policyEntries(rows: Iterable<PolicyRow>): Generator<PolicyEntry> {
  for (const { ref, parsed } of rows) {
    const { kind, namespace, name } = ref;
    const problems = parsed.problems.map(({ at, message }) => `${at}: ${message}`);
    const directions = (['ingress', 'egress'] as const).filter((each) => parsed.policies.some((one) => one[each]));
    const rules = parsed.policies.flatMap(({ ingress, egress }) => [
      ...(ingress?.rules ?? []),
      ...(egress?.rules ?? []),
    ]);
    yield { kind, namespace, name, directions, rules: rules.length, problems };
  }
}

/** What of a policy does not hold as it is written. */
export function refusedRules(rows: Iterable<PolicyRow>): readonly RefusedRule[] {
  return [...rows].flatMap(({ ref: { kind, namespace, name }, parsed }) =>
    parsed.problems.filter(isRefusal).map(({ at, message }) => ({ kind, namespace, name, at, message })),
  );
}

/** What is ignored lets nothing through that would not pass without it. */
function isRefusal({ kind }: Problem): boolean {
  return kind !== 'ignored';
}
