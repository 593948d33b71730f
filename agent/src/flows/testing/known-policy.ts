import type { RuleRef } from '@clustermesh/policy';
import { formatIp, parseLabel } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import type { KnownSubject, PolicyReasons, PolicyView } from '../policy-view.ts';

export interface KnownPolicy {
  readonly scope?: PolicyView['scope'];
  readonly isSynced?: boolean;
  readonly rules?: Readonly<Record<number, RuleRef>>;
  readonly labels?: Readonly<Record<number, readonly string[]>>;
  readonly subjects?: Readonly<Record<string, KnownSubject>>;
  readonly networks?: Readonly<Record<number, Prefix>>;
  readonly reasons?: PolicyReasons;
}

const allowed: PolicyReasons = { verdict: 'allow', reason: 'no-policy', matched: [], policies: [] };

/** What policy knows, written down. */
export function knownPolicy(known: KnownPolicy = {}): PolicyView {
  const { rules = {}, labels = {}, subjects = {}, networks = {} } = known;
  return {
    scope: known.scope ?? 'mesh',
    isSynced: known.isSynced ?? true,
    resolver: {
      rule: (number) => rules[number],
      identity: (number) => (labels[number] === undefined ? undefined : { labels: labels[number].map(parseLabel) }),
      explain: () => known.reasons ?? allowed,
    },
    subjectOf: (address) => subjects[formatIp(address)],
    networkOf: (identity) => networks[identity],
  };
}
