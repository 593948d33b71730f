import type { CounterDirection, ReasonName } from '../../maps/counters.ts';
import type { SimContext } from './context.ts';
import type { Packet } from './decision.ts';
import type { FlowRelation } from './ledger.ts';
import type { Transport } from './transport.ts';

/** What was decided of a packet, and why. */
export interface Outcome {
  readonly refused: ReasonName | undefined;
  /** Of the row that decided; 0: none. */
  readonly rule: number;
  readonly relation: FlowRelation;
  /** Allowed, and nothing was known of it. */
  readonly isNew: boolean;
}

/** Decided without asking policy. */
export function withoutPolicy(refused?: ReasonName): Outcome {
  return { refused, rule: 0, relation: 'own', isNew: false };
}

/** Who sends to whom; 0: not known. */
export interface Parties {
  readonly sourceIdentity: number;
  readonly destinationIdentity: number;
}

/** Counts what was decided and tells people of drops and of new flows. */
export function conclude(
  { ledger, settings, nowNs }: SimContext,
  packet: Packet,
  { tuple, policyPort, tcpFlags, icmpCode }: Transport,
  outcome: Outcome & Parties & { readonly direction: CounterDirection },
): void {
  const { refused, isNew, direction, ...told } = outcome;
  const bytes = packet.frame.length;
  ledger.count(refused ?? 'forwarded', direction, bytes);
  if (settings.policyScope === 'none' || (refused === undefined && !isNew)) return;
  const { source, destination, sourcePort, protocol } = tuple;
  const kind = refused === undefined ? 'new flow' : 'drop';
  const about = { kind, reason: refused ?? 'forwarded', direction, bytes, ifindex: packet.ifindex } as const;
  ledger.tell(
    { ...told, ...about, source, destination, sourcePort, policyPort, protocol, tcpFlags, icmpCode },
    nowNs(),
  );
}
