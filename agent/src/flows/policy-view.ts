import type { Direction, Region, Resolver, RuleRef } from '@clustermesh/policy';
import type { Label, Prefix } from '@clustermesh/wire';

/** Who one of this node's pods is. */
export interface KnownSubject {
  /** Whose rows of the policy map are its. */
  readonly subject: number;
  /** As others know it. */
  readonly identity: number;
  readonly namespace: string;
  readonly name: string;
}

/** Why policies allow or deny a flow. */
export type PolicyReasons = Omit<ReturnType<Resolver['explain']>, 'row'>;

/** What those who tell of flows need to know of policy. */
export interface PolicyView {
  readonly scope: 'none' | 'mesh' | 'all';
  /** Policies, identities and pods are known: what the rows say is what is wanted. */
  readonly isSynced: boolean;
  readonly resolver: {
    rule(number: number): RuleRef | undefined;
    identity(number: number): { readonly labels: Iterable<Label> } | undefined;
    explain(subject: number, direction: Direction, remote: number, at: Region): PolicyReasons;
  };
  subjectOf(address: Uint8Array): KnownSubject | undefined;
  /** The network behind an identity of this node's own. */
  networkOf(identity: number): Prefix | undefined;
}
