import { perCpuRecords } from '@clustermesh/ebpf';
import type { BpfMap } from '@clustermesh/ebpf';

import { addressSize } from '../../../maps/address.ts';
import { counterKeyLayout, counterValueLayout, directionNames, reasonNames } from '../../../maps/counters.ts';
import type { CounterDirection, ReasonName } from '../../../maps/counters.ts';
import { eventLayout } from '../../../maps/flow-event.ts';
import type { Counted, FlowRelation, FlowTold } from '../ledger.ts';

const reasons: Readonly<Record<number, ReasonName>> = reasonNames;
const directions: Readonly<Record<number, CounterDirection>> = directionNames;

const relations: Readonly<Record<number, FlowRelation>> = { 0: 'own', 1: 'answer', 2: 'related' };

/** Summed over CPUs. */
export function countersIn(metrics: Pick<BpfMap, 'entries'>): readonly Counted[] {
  return [...metrics.entries()].map(([key, value]) => {
    const [reason, direction] = [key[counterKeyLayout.reason], key[counterKeyLayout.direction]];
    const sums = { count: 0, bytes: 0 };
    for (const record of perCpuRecords(value, counterValueLayout.size)) {
      const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
      sums.count += Number(view.getBigUint64(counterValueLayout.count, true));
      sums.bytes += Number(view.getBigUint64(counterValueLayout.bytes, true));
    }
    return { reason: named(reasons, reason), direction: named(directions, direction), ...sums };
  });
}

/** A record of the ring. */
export function flowTold(record: Uint8Array): FlowTold {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const address = (offset: number): Uint8Array => record.slice(offset, offset + addressSize);
  return {
    kind: view.getUint8(eventLayout.kind) === 1 ? 'drop' : 'new flow',
    reason: named(reasons, view.getUint8(eventLayout.reason)),
    direction: named(directions, view.getUint8(eventLayout.direction)),
    protocol: view.getUint8(eventLayout.proto),
    ifindex: view.getUint32(eventLayout.ifindex, true),
    sourceIdentity: view.getUint32(eventLayout.sourceIdentity, true),
    destinationIdentity: view.getUint32(eventLayout.destinationIdentity, true),
    source: address(eventLayout.source),
    destination: address(eventLayout.destination),
    sourcePort: view.getUint16(eventLayout.sourcePort, false),
    policyPort: view.getUint16(eventLayout.policyPort, false),
    bytes: view.getUint32(eventLayout.bytes, true),
    rule: view.getUint32(eventLayout.rule, true),
    tcpFlags: view.getUint8(eventLayout.tcpFlags),
    icmpCode: view.getUint8(eventLayout.icmpCode),
    relation: named(relations, view.getUint8(eventLayout.relation)),
  };
}

function named<Name>(names: Readonly<Record<number, Name>>, number = 0): Name {
  const name = names[number];
  if (name === undefined) throw new Error(`no name for the number ${number}`);
  return name;
}
