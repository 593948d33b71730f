import type { EndpointRecord } from '../../maps/endpoint.ts';
import type { SimContext } from './context.ts';
import { isRefusal } from './decision.ts';
import type { Decision, Packet, Refusal } from './decision.ts';
import { identityOf, isOfCluster, receiverOf, subjectOf } from './endpoints.ts';
import { readFlow, staysOnLink } from './frame.ts';
import { lookUpIpcache } from './ipcache-lookup.ts';
import { judge } from './judge.ts';
import { remoteNode } from './nodes.ts';
import { conclude, withoutPolicy } from './outcome.ts';
import { passUnreadable } from './pass-unreadable.ts';
import { isOfLink, readTransport } from './transport.ts';
import type { Reading } from './transport.ts';

/**
 * A packet to a pod, at the host side of its veth (bpf/mesh_container.bpf.c). Pods of other clusters come by the tunnel,
 * whose program judges and delivers what they send: who comes here in their name is somebody else.
 */
export function toContainer(context: SimContext, packet: Packet): Decision {
  const { maps, settings } = context;
  if (settings.policyScope === 'none') return { kind: 'pass' };
  const flow = readFlow(packet.frame);
  if (isRefusal(flow)) return passUnreadable(context, packet.frame, flow.refused, 'ingress');
  const entry = lookUpIpcache(maps, flow.source);
  const isPod = entry !== undefined && isOfCluster(entry.identity) && !staysOnLink(flow.source);
  const isForged = isPod && remoteNode(context, entry) !== undefined;
  if (!isForged && settings.policyScope !== 'all') return { kind: 'pass' };
  const reading = readTransport(maps, packet.frame);
  if (!isForged && isOfLink(reading)) return { kind: 'pass' };
  const remote = identityOf(entry, flow.source);
  const to = isForged ? { refused: 'forged node' as const } : receiverOf(maps, packet.ifindex, flow.destination);
  return judged(context, packet, reading, { remote, to });
}

interface Arrival {
  /** Identity of the source. */
  readonly remote: number;
  readonly to: EndpointRecord | Refusal;
}

function judged(context: SimContext, packet: Packet, reading: Reading, { remote, to }: Arrival): Decision {
  const subject = isRefusal(to) ? 0 : subjectOf(to);
  const about = { subject, remote, direction: 'ingress' } as const;
  const outcome = isRefusal(to) ? withoutPolicy(to.refused) : judge(context, reading, about, packet.frame.length);
  const parties = { sourceIdentity: remote, destinationIdentity: subject };
  conclude(context, packet, reading, { ...outcome, ...parties, direction: 'ingress' });
  return outcome.refused === undefined ? { kind: 'pass' } : { kind: 'drop', reason: outcome.refused };
}
