import type { EndpointRecord } from '../../maps/endpoint.ts';
import type { SimContext } from './context.ts';
import { isRefusal } from './decision.ts';
import type { Decision, Packet, Refusal, TunnelKey } from './decision.ts';
import { endpointAt, sendsAs, subjectOf } from './endpoints.ts';
import { addressedTo, etherType, etherTypeOf, isSame, readFlow } from './frame.ts';
import type { Flow } from './frame.ts';
import { lookUpIpcache } from './ipcache-lookup.ts';
import { judge } from './judge.ts';
import { nodeAt } from './nodes.ts';
import { conclude, withoutPolicy } from './outcome.ts';
import { receiveProbe } from './probes.ts';
import { readTransport, unread } from './transport.ts';

/** A packet at the tunnel device (bpf/mesh_overlay.bpf.c). */
export function fromOverlay(context: SimContext, packet: Packet, tunnel: TunnelKey | undefined): Decision {
  const { frame } = packet;
  if (tunnel === undefined) {
    context.ledger.count('no tunnel metadata', 'ingress', frame.length);
    return { kind: 'drop', reason: 'no tunnel metadata' };
  }
  if (etherTypeOf(frame) === etherType.probe) return receiveProbe(context, frame, tunnel);
  return fromNode(context, packet, tunnel);
}

function fromNode(context: SimContext, packet: Packet, tunnel: TunnelKey): Decision {
  const { maps, settings } = context;
  const flow = readFlow(packet.frame);
  const isJudged = settings.policyScope !== 'none' && !isRefusal(flow);
  const reading = isJudged ? readTransport(maps, packet.frame) : unread;
  const arrival = isRefusal(flow) ? flow : arrivalOf(context, flow, tunnel);
  const remote = 'remote' in arrival ? arrival.remote : tunnel.vni;
  const to = 'to' in arrival ? arrival.to : undefined;
  const subject = to === undefined ? 0 : subjectOf(to);
  const about = { subject, remote, direction: 'ingress' } as const;
  const outcome = isRefusal(arrival)
    ? withoutPolicy(arrival.refused)
    : judge(context, reading, about, packet.frame.length);
  const parties = { sourceIdentity: remote, destinationIdentity: subject };
  conclude(context, packet, reading, { ...outcome, ...parties, direction: 'ingress' });
  if (outcome.refused !== undefined || to === undefined) {
    return { kind: 'drop', reason: outcome.refused ?? 'unknown endpoint' };
  }
  return { kind: 'deliver', ifindex: to.ifindex, frame: addressedTo(packet.frame, to.mac, to.hostMac) };
}

/** Whom a packet comes from, and whom it is for. */
interface Arrival {
  /** What the sender counts as. */
  readonly remote: number;
  readonly to: EndpointRecord;
}

function arrivalOf(
  { maps }: SimContext,
  { source, destination }: Flow,
  tunnel: TunnelKey,
): Arrival | (Refusal & Partial<Arrival>) {
  const entry = lookUpIpcache(maps, source);
  if (entry === undefined) return { refused: 'unknown source' };
  const from = nodeAt(maps, entry.nodeIndex);
  // A VNI alone proves nothing: the node of the source must have sent it, and must know it by this identity.
  if (from?.isActive !== true || !isSame(from.underlay, tunnel.remote)) return { refused: 'forged node' };
  if (!sendsAs(entry.identity, tunnel.vni)) return { refused: 'identity mismatch' };
  const to = endpointAt(maps, destination);
  if (to === undefined) return { refused: 'unknown endpoint', remote: entry.identity };
  return { remote: entry.identity, to };
}
