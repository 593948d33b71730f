import { addressSize } from './address.ts';
import { policyDirection } from './policy.ts';
import type { PolicyDirection } from './policy.ts';

/** ct: flows that an endpoint of this node began or accepted. The programs' own; layout: bpf/README.md. */
export const flowKeyLayout = {
  size: 40,
  source: 0,
  destination: 16,
  sourcePort: 32,
  destinationPort: 34,
  proto: 36,
  direction: 37,
} as const;
export const flowValueLayout = { size: 24, expiresNs: 0, state: 8, seen: 12, createdNs: 16 } as const;

export const flowState = { new: 0, established: 1, closing: 2 } as const;
export type FlowState = keyof typeof flowState;

/** What has been seen of a flow, as bits. */
export const flowSeen = { answer: 1, 'beginner closed': 2, 'answerer closed': 4 } as const;
export type FlowSeen = keyof typeof flowSeen;
const seenNames = Object.keys(flowSeen) as FlowSeen[];

/** What makes a flow the same flow. Of an ICMP echo the destination port is its id. */
export interface Tuple {
  /** 16 bytes, v4-mapped; of who began it. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** IP protocol number. */
  readonly protocol: number;
}

export interface FlowKey extends Tuple {
  /** As the endpoint sees it: `ingress`, somebody came to it. */
  readonly direction: PolicyDirection;
}

export interface FlowRecord {
  /** CLOCK_MONOTONIC, as `createdNs`. */
  readonly expiresNs: bigint;
  readonly state: FlowState;
  readonly seen: readonly FlowSeen[];
  readonly createdNs: bigint;
}

export function encodeFlowKey(flow: FlowKey): Uint8Array {
  const key = new Uint8Array(flowKeyLayout.size);
  const view = new DataView(key.buffer);
  key.set(flow.source, flowKeyLayout.source);
  key.set(flow.destination, flowKeyLayout.destination);
  view.setUint16(flowKeyLayout.sourcePort, flow.sourcePort, false);
  view.setUint16(flowKeyLayout.destinationPort, flow.destinationPort, false);
  key[flowKeyLayout.proto] = flow.protocol;
  key[flowKeyLayout.direction] = policyDirection[flow.direction];
  return key;
}

export function decodeFlowKey(key: Uint8Array): FlowKey {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return {
    source: key.slice(flowKeyLayout.source, flowKeyLayout.source + addressSize),
    destination: key.slice(flowKeyLayout.destination, flowKeyLayout.destination + addressSize),
    sourcePort: view.getUint16(flowKeyLayout.sourcePort, false),
    destinationPort: view.getUint16(flowKeyLayout.destinationPort, false),
    protocol: view.getUint8(flowKeyLayout.proto),
    direction: view.getUint8(flowKeyLayout.direction) === policyDirection.ingress ? 'ingress' : 'egress',
  };
}

export function encodeFlow(flow: FlowRecord): Uint8Array {
  const value = new Uint8Array(flowValueLayout.size);
  const view = new DataView(value.buffer);
  view.setBigUint64(flowValueLayout.expiresNs, flow.expiresNs, true);
  view.setUint32(flowValueLayout.state, flowState[flow.state], true);
  const bits = flow.seen.reduce((sum, name) => sum | flowSeen[name], 0);
  view.setUint32(flowValueLayout.seen, bits, true);
  view.setBigUint64(flowValueLayout.createdNs, flow.createdNs, true);
  return value;
}

export function decodeFlow(value: Uint8Array): FlowRecord {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const number = view.getUint32(flowValueLayout.state, true);
  const names = Object.keys(flowState) as FlowState[];
  const seen = view.getUint32(flowValueLayout.seen, true);
  return {
    expiresNs: view.getBigUint64(flowValueLayout.expiresNs, true),
    state: names.find((name) => flowState[name] === number) ?? 'new',
    seen: seenNames.filter((name) => (seen & flowSeen[name]) !== 0),
    createdNs: view.getBigUint64(flowValueLayout.createdNs, true),
  };
}
