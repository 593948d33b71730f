import type { ReasonName } from '../../maps/counters.ts';
import type { SimContext } from './context.ts';
import { isIpv4 } from './frame.ts';
import { ipProtocol } from './ip-header.ts';
import { selectBackend } from './service-select.ts';
import type { ChosenBackend } from './service-select.ts';

/** A socket, and whom it wants to reach. */
export interface SocketCall {
  /** 16 bytes; an IPv6 socket meets IPv4 services as ::ffff:a.b.c.d, which is how they are written here anyway. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly protocol: number;
  readonly netnsCookie: bigint;
}

export type SocketDecision =
  /** To where it was going. */
  | { readonly kind: 'proceed' }
  /** ECONNREFUSED */
  | { readonly kind: 'refuse'; readonly reason: ReasonName }
  /** To the backend; the socket is told that it talks to the service. */
  | { readonly kind: 'translate'; readonly backend: ChosenBackend };

/** connect(): `draw` is a random number of 32 bits (bpf/mesh_sock.bpf.c). */
export function connectSocket(context: SimContext, call: SocketCall, draw: number): SocketDecision {
  const { protocol } = call;
  if (protocol !== ipProtocol.tcp && protocol !== ipProtocol.udp) return { kind: 'proceed' };
  return decide(context, call, draw);
}

/** sendmsg() of an unconnected UDP socket: the datagrams of one socket go to one backend while these are the same. */
export function sendFromSocket(
  context: SimContext,
  call: Omit<SocketCall, 'protocol'>,
  socketCookie: bigint,
): SocketDecision {
  return decide(context, { ...call, protocol: ipProtocol.udp }, drawOfCookie(socketCookie));
}

/** Cookies follow each other: their low bits alone would send every n-th socket to one backend. */
export function drawOfCookie(cookie: bigint): number {
  return Number(BigInt.asUintN(64, cookie * 0x9e37_79b9_7f4a_7c15n) >> 32n);
}

function decide(context: SimContext, call: SocketCall, draw: number): SocketDecision {
  const { maps, settings, ledger, nowNs } = context;
  const client = { netnsCookie: call.netnsCookie, draw, isHost: call.netnsCookie === settings.hostNetnsCookie };
  const selection = selectBackend(maps, call, client, nowNs());
  if (selection.kind === 'no service') return { kind: 'proceed' };
  const reason = reasonOf(selection, call);
  ledger.count(reason, 'socket', 0);
  return selection.kind === 'selected' && reason === 'forwarded'
    ? { kind: 'translate', backend: selection.backend }
    : { kind: 'refuse', reason };
}

/** An IPv4 socket cannot reach an IPv6 backend, and no IPv6 datagram can be turned to an IPv4 one. */
function reasonOf(
  selection: Exclude<ReturnType<typeof selectBackend>, { readonly kind: 'no service' }>,
  { address }: SocketCall,
): ReasonName {
  if (selection.kind === 'no backend') return 'no backend';
  if (selection.kind === 'stale') return 'stale service';
  return isIpv4(selection.backend.address) === isIpv4(address) ? 'forwarded' : 'unsupported protocol';
}
