import type { ReasonName } from '../../maps/counters.ts';
import { probeLayout } from '../../maps/probe.ts';
import { bytesAt } from './bytes.ts';
import type { SimContext } from './context.ts';
import type { Decision, TunnelKey } from './decision.ts';
import { ethernetSize } from './frame.ts';
import { nodeIndexOf } from './nodes.ts';

/** bpf/lib/probe.h */
const probeFrame = { size: 16, magic: 0, kind: 4, token: 8 } as const;
const magic = 0x636d7062;
const kind = { request: 1, answer: 2 } as const;
/** One answer a node in this time. */
const reflectGapNs = 100_000_000n;

/** A probe between nodes: sent back, taken note of, or dropped. Nothing of it reaches an endpoint. */
export function receiveProbe(context: SimContext, frame: Uint8Array, tunnel: TunnelKey): Decision {
  const reason = reasonOf(context, frame, tunnel);
  context.ledger.count(reason, 'ingress', frame.length);
  if (reason !== 'probe reflected') return { kind: 'drop', reason };
  const answer = frame.slice();
  answer[ethernetSize + probeFrame.kind] = kind.answer;
  return { kind: 'send back', outer: tunnel, frame: answer };
}

function reasonOf(context: SimContext, frame: Uint8Array, { remote }: TunnelKey): ReasonName {
  const index = nodeIndexOf(context.maps, remote);
  const record = index === undefined ? undefined : probeRecord(context, index);
  if (record === undefined) return 'probe unknown node';
  const probe = bytesAt(frame, ethernetSize, probeFrame.size);
  const isWhole = frame.length === ethernetSize + probeFrame.size;
  if (probe === undefined || !isWhole || probe.getUint32(probeFrame.magic, false) !== magic) return 'probe malformed';
  if (probe.getUint8(probeFrame.kind) === kind.request) return reflect(record, context.nowNs());
  if (probe.getUint8(probeFrame.kind) !== kind.answer) return 'probe malformed';
  return takeAnswer(record, probe.getBigUint64(probeFrame.token, true), context.nowNs());
}

/** The record of a node, shared with the map. */
function probeRecord({ maps: { probe } }: SimContext, index: number): DataView | undefined {
  if (index >= probe.maxEntries) return undefined;
  return new DataView(probe.bytes.buffer, probe.bytes.byteOffset + index * probeLayout.size, probeLayout.size);
}

function reflect(record: DataView, nowNs: bigint): ReasonName {
  if (nowNs - record.getBigUint64(probeLayout.reflectedNs, true) < reflectGapNs) return 'probe too often';
  record.setBigUint64(probeLayout.reflectedNs, nowNs, true);
  return 'probe reflected';
}

/** The first answer to what was asked last counts. */
function takeAnswer(record: DataView, token: bigint, nowNs: bigint): ReasonName {
  const isAsked = token !== 0n && token === record.getBigUint64(probeLayout.token, true);
  if (!isAsked || record.getBigUint64(probeLayout.answeredToken, true) === token) return 'probe unexpected';
  record.setBigUint64(probeLayout.answeredNs, nowNs, true);
  record.setBigUint64(probeLayout.answeredToken, token, true);
  return 'probe answered';
}
