import type { Prefix } from '@clustermesh/wire';

import type { Selector } from './selector.ts';

export type Direction = 'ingress' | 'egress';

export type PolicyKind = 'NetworkPolicy' | 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy';

/** Which object a policy comes from. */
export interface PolicyRef {
  readonly kind: PolicyKind;
  /** '' for a policy of the whole cluster. */
  readonly namespace: string;
  readonly name: string;
}

/** What a policy object says, whatever its kind. */
export interface Policy {
  readonly ref: PolicyRef;
  /** The identities of this cluster that it is about. */
  readonly subject: Selector;
  /** Absent: it says nothing about that direction. */
  readonly ingress?: DirectionRules;
  readonly egress?: DirectionRules;
}

export interface DirectionRules {
  /** What no rule of any policy allows is dropped. */
  readonly defaultDeny: boolean;
  readonly rules: readonly Rule[];
}

/** Deny beats allow, whichever policies they stand in. */
export interface Rule {
  readonly action: 'allow' | 'deny';
  /** Where in its object: `ingress[2]`, `egressDeny[0]`. */
  readonly at: string;
  /** Any of these; `any`: whoever it is. */
  readonly peers: readonly Peer[] | 'any';
  /** Any of these; `any`: all traffic. */
  readonly ports: readonly PortMatch[] | 'any';
}

export type Peer =
  /** Workloads of any cluster, by the labels of their identities. */
  | { readonly kind: 'selector'; readonly selector: Selector }
  /** Addresses outside the mesh: never those of a workload or node that is known by its identity (as in Cilium). */
  | { readonly kind: 'cidr'; readonly prefix: Prefix; readonly except: readonly Prefix[] }
  | { readonly kind: 'entity'; readonly entity: Entity }
  /** Whoever stands behind a Service of this cluster of that name; namespace '' = any. */
  | ({ readonly kind: 'service'; readonly name: string } & OfServices)
  /** Whoever stands behind the Services with these labels; namespace '' = any. */
  | ({ readonly kind: 'services'; readonly selector: Selector } & OfServices);

interface OfServices {
  readonly namespace: string;
  /** The only cluster whose pods are meant; absent: pods of any. */
  readonly cluster?: string;
}

/** docs/spec/protocol.md §5.3 */
export const entities = [
  'all',
  'world',
  'world-ipv4',
  'world-ipv6',
  'cluster',
  'host',
  'remote-node',
  'kube-apiserver',
  'health',
  'init',
  'unmanaged',
  'ingress',
  'none',
] as const;
export type Entity = (typeof entities)[number];

/** IANA protocol numbers; 0 = any. */
export const protocolNumbers = { any: 0, icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

export type PortMatch =
  /** Ports `from` to `to`; 0 to 65535 for all. ICMP: its type. */
  | { readonly kind: 'range'; readonly protocol: number; readonly from: number; readonly to: number }
  /** A container port by name, of the pod that the connection goes to. */
  | { readonly kind: 'name'; readonly protocol: number; readonly name: string };
