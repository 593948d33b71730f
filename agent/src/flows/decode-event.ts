import { addressSize } from '../maps/address.ts';
import { eventLayout } from '../maps/flow-event.ts';

/** enum event_kind of bpf/lib/events.h */
export const eventKind = { drop: 1, newFlow: 2 } as const;

/** enum relation of bpf/lib/events.h: how a packet belongs to the flow that it was judged as. */
export const relations = ['', 'answer', 'related'] as const;
export type Relation = (typeof relations)[number];

/** What a program said of a flow. Identities are those that it judged by: of our own pod that of its rows. */
export interface DecodedEvent {
  /** CLOCK_MONOTONIC */
  readonly ns: bigint;
  readonly isDrop: boolean;
  readonly reason: number;
  readonly direction: number;
  readonly protocol: number;
  readonly sourceIdentity: number;
  readonly destinationIdentity: number;
  /** 16 bytes each, a copy. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  /** The destination's, or the type of ICMP. */
  readonly policyPort: number;
  readonly bytes: number;
  /** The agent's number; 0: none. */
  readonly rule: number;
  readonly relation: Relation;
}

/** Nothing for what a program of another version says: shorter, or of a kind that we do not know. */
export function decodeEvent(record: Uint8Array): DecodedEvent | undefined {
  if (record.byteLength < eventLayout.size) return undefined;
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const kind = view.getUint8(eventLayout.kind);
  if (kind !== eventKind.drop && kind !== eventKind.newFlow) return undefined;
  return {
    ns: view.getBigUint64(eventLayout.ns, true),
    isDrop: kind === eventKind.drop,
    reason: view.getUint8(eventLayout.reason),
    direction: view.getUint8(eventLayout.direction),
    protocol: view.getUint8(eventLayout.proto),
    sourceIdentity: view.getUint32(eventLayout.sourceIdentity, true),
    destinationIdentity: view.getUint32(eventLayout.destinationIdentity, true),
    source: record.slice(eventLayout.source, eventLayout.source + addressSize),
    destination: record.slice(eventLayout.destination, eventLayout.destination + addressSize),
    sourcePort: view.getUint16(eventLayout.sourcePort, false),
    policyPort: view.getUint16(eventLayout.policyPort, false),
    bytes: view.getUint32(eventLayout.bytes, true),
    rule: view.getUint32(eventLayout.rule, true),
    relation: relations[view.getUint8(eventLayout.relation)] ?? '',
  };
}
