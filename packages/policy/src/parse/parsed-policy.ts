import type { Policy } from '../model.ts';

/** What of a policy could not be taken as it is written. */
export interface Problem {
  /** `spec.egress[1].toFQDNs` */
  readonly at: string;
  /** What is wrong, and what holds instead. */
  readonly message: string;
}

export interface ParsedPolicy {
  /** An object may hold several (`specs`); none when it cannot be read at all. */
  readonly policies: readonly Policy[];
  readonly problems: readonly Problem[];
}
