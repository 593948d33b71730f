import type { ReasonName } from '../../maps/counters.ts';

/** Why a packet goes no further. */
export interface Refusal {
  readonly refused: ReasonName;
}

export function isRefusal(result: object): result is Refusal {
  return 'refused' in result;
}

export interface Packet {
  /** From its Ethernet header. */
  readonly frame: Uint8Array;
  /** The interface that it is at. */
  readonly ifindex: number;
}

/** What a packet has beside it that came by the tunnel. */
export interface TunnelKey {
  /** The other node's underlay address, 16 bytes. */
  readonly remote: Uint8Array;
  readonly vni: number;
}

export interface Outer extends TunnelKey {
  /** All zero: the routing table chooses. */
  readonly local: Uint8Array;
}

export interface TooBig {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** What the tunnel takes, from the IP header. */
  readonly mtu: number;
}

export type Decision =
  /** To whoever else has a program at this hook, and the stack behind it. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'drop'; readonly reason: ReasonName }
  | { readonly kind: 'tunnel'; readonly ifindex: number; readonly outer: Outer }
  /** Into the namespace of the endpoint behind the interface. */
  | { readonly kind: 'deliver'; readonly ifindex: number; readonly frame: Uint8Array }
  /** To the pod, as a router would tell it that its packet is too big. */
  | { readonly kind: 'answer'; readonly answer: TooBig }
  /** A probe of another node, through the tunnel device that it came by. */
  | { readonly kind: 'send back'; readonly outer: TunnelKey; readonly frame: Uint8Array };
