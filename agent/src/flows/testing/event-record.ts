import { parseIp } from '@clustermesh/wire';

import { eventKind } from '../decode-event.ts';
import { eventLayout } from '../../maps/flow-event.ts';

export interface EventRow {
  readonly ns?: bigint;
  readonly kind?: number;
  readonly reason?: number;
  readonly direction?: number;
  readonly protocol?: number;
  readonly sourceIdentity?: number;
  readonly destinationIdentity?: number;
  readonly source?: string;
  readonly destination?: string;
  readonly sourcePort?: number;
  readonly policyPort?: number;
  readonly bytes?: number;
  readonly rule?: number;
  readonly relation?: number;
}

export const ingress = 1;
export const egress = 2;

const newFlow: Required<EventRow> = {
  ...{ ns: 0n, kind: eventKind.newFlow, reason: 0, direction: egress, protocol: 6 },
  ...{ sourceIdentity: 65_540, destinationIdentity: 131_080, source: '10.1.0.2', destination: '10.2.0.5' },
  ...{ sourcePort: 40_000, policyPort: 80, bytes: 74, rule: 0, relation: 0 },
};

/** A record as a program writes it: by default a new TCP flow from 10.1.0.2:40000 to 10.2.0.5:80. */
export function eventRecord(change: EventRow = {}): Uint8Array {
  const row = { ...newFlow, ...change };
  const record = new Uint8Array(eventLayout.size);
  const view = new DataView(record.buffer);
  view.setBigUint64(eventLayout.ns, row.ns, true);
  view.setUint8(eventLayout.kind, row.kind);
  view.setUint8(eventLayout.reason, row.reason);
  view.setUint8(eventLayout.direction, row.direction);
  view.setUint8(eventLayout.proto, row.protocol);
  view.setUint32(eventLayout.sourceIdentity, row.sourceIdentity, true);
  view.setUint32(eventLayout.destinationIdentity, row.destinationIdentity, true);
  record.set(parseIp(row.source) ?? [], eventLayout.source);
  record.set(parseIp(row.destination) ?? [], eventLayout.destination);
  view.setUint16(eventLayout.sourcePort, row.sourcePort, false);
  view.setUint16(eventLayout.policyPort, row.policyPort, false);
  view.setUint32(eventLayout.bytes, row.bytes, true);
  view.setUint32(eventLayout.rule, row.rule, true);
  view.setUint8(eventLayout.relation, row.relation);
  return record;
}
