import type { PolicyRef } from '@clustermesh/policy';

/** What status.proto says of flows, as TypeScript. */
export interface FlowParty {
  readonly address: string;
  /** 0: none. */
  readonly port: number;
  /** As other nodes know it. */
  readonly identity: number;
  /** '' = of none, or unknown. */
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly labels: readonly string[];
}

/** A rule of a policy, by its place in the object. */
export interface PolicyRule {
  readonly policy: PolicyRef;
  readonly path: string;
  readonly direction: string;
}

export interface Flow {
  readonly timeMs: number;
  readonly verdict: 'forwarded' | 'dropped';
  readonly reason: string;
  readonly direction: string;
  readonly protocol: string;
  readonly source: FlowParty;
  readonly destination: FlowParty;
  /** Of ICMP alone. */
  readonly icmpType?: number;
  readonly bytes: number;
  /** How the packet belongs to the flow that it was judged as; '' = it is one of who began it. */
  readonly relation: '' | 'answer' | 'related';
  readonly rule?: PolicyRule;
  /** Why there is no rule; '' where there is one. */
  readonly ruleNote: string;
  /** Those that select the pod, where no rule of theirs allows the flow. */
  readonly policies: readonly PolicyRef[];
}

/** Events that nobody can be told any more. */
export interface LostFlows {
  readonly timeMs: number;
  readonly count: number;
  readonly reason: string;
}

export type FlowEvent = { readonly flow: Flow } | { readonly lost: LostFlows };
