import type { Policy } from '../model.ts';
import type { RefusalKind, Refused } from './refused.ts';

/** What of a policy could not be taken as it is written. */
export interface Problem {
  /** `spec.egress[1].toFQDNs` */
  readonly at: string;
  /** `ignored`: it is as if it were not there, and nothing more is let through; else it is refused. */
  readonly kind: RefusalKind | 'ignored';
  readonly reason: string;
  /** What holds instead. */
  readonly effect: string;
  /** Reason and effect in one. */
  readonly message: string;
}

export interface ParsedPolicy {
  /** An object may hold several (`specs`); none when it cannot be read at all. */
  readonly policies: readonly Policy[];
  readonly problems: readonly Problem[];
}

export const effects = {
  allow: 'the rule allows nothing',
  deny: 'everybody is denied instead',
  entry: 'it allows nothing',
  policy: 'the policy is not enforced',
  isolated: 'the pods that it selects are isolated in both directions',
} as const;

export function problemOf({ path, kind, reason }: Refused, root: string, effect: string): Problem {
  return problem({ at: `${root}${path}`, kind, reason, effect });
}

export function ignored(at: string, reason: string, effect: string): Problem {
  return problem({ at, kind: 'ignored', reason, effect });
}

function problem(said: Omit<Problem, 'message'>): Problem {
  return { ...said, message: `${said.reason}: ${said.effect}` };
}
