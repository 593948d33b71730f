import type { Direction, Region, Resolver, RuleRef } from '@clustermesh/policy';
import type { Label, Prefix } from '@clustermesh/wire';

import type { DatapathMaps } from '../maps/datapath-maps.ts';
import { decodeEndpoint } from '../maps/endpoint.ts';
import type { PolicyState } from '../policy/policy-state.ts';
import type { EndpointTable } from '../tables/endpoint-table.ts';

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

export interface PolicyViewSources {
  readonly policy: Pick<PolicyState, 'scope' | 'isSynced' | 'hasWork' | 'resolver'>;
  readonly endpoints: Pick<EndpointTable, 'find'>;
  readonly maps: Pick<DatapathMaps, 'ep_ip'>;
}

/** Subjects are those by which the programs judge. A pod that they do not know yet is nobody: nothing of it passes. */
export function policyViewOf({ policy, endpoints, maps }: PolicyViewSources): PolicyView {
  return {
    scope: policy.scope,
    get isSynced() {
      return policy.isSynced && !policy.hasWork;
    },
    resolver: policy.resolver,
    subjectOf: (address) => {
      const pod = endpoints.find(address);
      if (pod === undefined) return undefined;
      const value = maps.ep_ip.lookup(address);
      const { identity, subject } = value === undefined ? { identity: 0, subject: 0 } : decodeEndpoint(value);
      return { subject: subject === 0 ? identity : subject, identity, namespace: pod.namespace, name: pod.name };
    },
    networkOf: (identity) => policy.resolver.identity(identity)?.prefix,
  };
}
