import type { IpcacheRecord } from '../../maps/ipcache.ts';
import type { SimContext } from './context.ts';
import { isRefusal } from './decision.ts';
import type { Decision, Outer, Packet, Refusal } from './decision.ts';
import { identityOf, senderOf, subjectOf } from './endpoints.ts';
import { ethernetSize, isIpv4, isUnspecified, mayBeFragmented, readFlow, staysOnLink } from './frame.ts';
import type { Flow } from './frame.ts';
import { lookUpIpcache } from './ipcache-lookup.ts';
import { judge } from './judge.ts';
import { remoteNode } from './nodes.ts';
import type { Node } from './nodes.ts';
import { conclude, withoutPolicy } from './outcome.ts';
import { passUnreadable } from './pass-unreadable.ts';
import { isOfLink, readTransport, unread } from './transport.ts';

interface Passage {
  readonly flow: Flow;
  /** Identity of the destination. */
  readonly remote: number;
  /** Of another cluster: the packet goes there. */
  readonly node: Node | undefined;
}

/** A packet that a pod sends, at the host side of its veth (bpf/mesh_container.bpf.c). */
export function fromContainer(context: SimContext, packet: Packet): Decision {
  const { maps, settings } = context;
  const flow = readFlow(packet.frame);
  if (isRefusal(flow)) return passUnreadable(context, packet.frame, flow.refused, 'egress');
  const known = lookUpIpcache(maps, flow.destination);
  const announced = remoteNode(context, known);
  // Whatever another cluster announces.
  const isImpossible = announced !== undefined && staysOnLink(flow.destination);
  const [node, entry]: readonly [Node | undefined, IpcacheRecord | undefined] = isImpossible
    ? [undefined, undefined]
    : [announced, known];
  if (node === undefined && settings.policyScope !== 'all') return { kind: 'pass' };
  return judged(context, packet, { flow, node, remote: identityOf(entry, flow.destination) });
}

function judged(context: SimContext, packet: Packet, passage: Passage): Decision {
  const { maps, settings } = context;
  const { flow, node, remote } = passage;
  const reading = settings.policyScope === 'none' ? unread : readTransport(maps, packet.frame);
  if (node === undefined && isOfLink(reading)) return { kind: 'pass' };
  const from = senderOf(maps, packet.ifindex, flow.source, node !== undefined);
  const subject = isRefusal(from) ? 0 : subjectOf(from);
  const about = { subject, remote, direction: 'egress' } as const;
  const outcome = isRefusal(from) ? withoutPolicy(from.refused) : judge(context, reading, about, packet.frame.length);
  const way = isRefusal(from) ? from : wayOut(context, packet.frame, node, from.identity);
  const refused = outcome.refused ?? (way !== 'untouched' && isRefusal(way) ? way.refused : undefined);
  const parties = { sourceIdentity: subject, destinationIdentity: remote };
  conclude(context, packet, reading, { ...outcome, ...parties, refused, direction: 'egress' });
  if (refused === 'too big') return tooBig(context, passage);
  return refused === undefined ? leave(context, way) : { kind: 'drop', reason: refused };
}

function leave({ settings }: SimContext, way: WayOut): Decision {
  if (way === 'untouched' || isRefusal(way)) return { kind: 'pass' };
  return { kind: 'tunnel', ifindex: settings.vxlanIfindex, outer: way };
}

type WayOut = Outer | Refusal | 'untouched';

function wayOut(context: SimContext, frame: Uint8Array, node: Node | undefined, identity: number): WayOut {
  return node === undefined ? 'untouched' : encapsulated(context, frame, node, identity);
}

function encapsulated(context: SimContext, frame: Uint8Array, node: Node, vni: number): Outer | Refusal {
  const { isActive, underlay } = node;
  const { localUnderlay, localUnderlay6 } = context.settings;
  if (!isActive || isUnspecified(underlay)) return { refused: 'no tunnel endpoint' };
  const mtu = tunnelMtu(context, node);
  const fits = mtu === 0 || frame.length - ethernetSize <= mtu;
  // The system may cut the tunnel's packet in two: over IPv4, where the pod's own may be.
  if (!fits && !(isIpv4(underlay) && mayBeFragmented(frame))) return { refused: 'too big' };
  return { local: isIpv4(underlay) ? localUnderlay : localUnderlay6, remote: underlay, vni };
}

function tunnelMtu({ settings }: SimContext, { underlay }: Node): number {
  return isIpv4(underlay) ? settings.tunnelMtu : settings.tunnelMtu6;
}

/** From the address that the pod wanted to reach: nobody else can tell it. */
function tooBig(context: SimContext, { flow, node }: Passage): Decision {
  const mtu = node === undefined ? 0 : tunnelMtu(context, node);
  return { kind: 'answer', answer: { source: flow.destination, destination: flow.source, mtu } };
}
