/**
 * policy and policy_len: (subject, remote identity, direction, protocol and port) → verdict. Layout: shared with
 * bpf/lib/policy.h.
 */
export const policyKeyLayout = {
  size: 16,
  subject: 0,
  remote: 4,
  direction: 8,
  length: 9,
  proto: 10,
  port: 12,
} as const;
export const policyValueLayout = { size: 24, deny: 0, rule: 4, packets: 8, bytes: 16 } as const;
export const policyLengthsKeyLayout = { size: 12, subject: 0, remote: 4, direction: 8 } as const;
export const policyLengthsValueSize = 4;
/** Rows have lengths from 0 to 24. */
export const policyLengthCount = 25;

export const policyDirection = { ingress: 1, egress: 2 } as const;
export type PolicyDirection = keyof typeof policyDirection;

/** Whose rows they are. `remote` 0: anybody. */
export interface PolicyHolder {
  readonly subject: number;
  readonly remote: number;
  readonly direction: PolicyDirection;
}

export interface PolicyRowKey extends PolicyHolder {
  /** 24 bits: protocol, then port; those behind `length` are 0. */
  readonly bits: number;
  readonly length: number;
}

export interface PolicyRow {
  readonly deny: boolean;
  /** The agent's number of the rule that decides; 0: none. */
  readonly rule: number;
}

export function encodePolicyKey({ subject, remote, direction, bits, length }: PolicyRowKey): Uint8Array {
  const key = new Uint8Array(policyKeyLayout.size);
  const view = new DataView(key.buffer);
  view.setUint32(policyKeyLayout.subject, subject, true);
  view.setUint32(policyKeyLayout.remote, remote, true);
  key[policyKeyLayout.direction] = policyDirection[direction];
  key[policyKeyLayout.length] = length;
  key[policyKeyLayout.proto] = bits >>> 16;
  view.setUint16(policyKeyLayout.port, bits & 0xffff, false);
  return key;
}

export function decodePolicyKey(key: Uint8Array): PolicyRowKey {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return {
    subject: view.getUint32(policyKeyLayout.subject, true),
    remote: view.getUint32(policyKeyLayout.remote, true),
    direction: key[policyKeyLayout.direction] === policyDirection.ingress ? 'ingress' : 'egress',
    length: view.getUint8(policyKeyLayout.length),
    bits: (view.getUint8(policyKeyLayout.proto) << 16) | view.getUint16(policyKeyLayout.port, false),
  };
}

/** Counters begin at 0. */
export function encodePolicyRow({ deny, rule }: PolicyRow): Uint8Array {
  const value = new Uint8Array(policyValueLayout.size);
  value[policyValueLayout.deny] = deny ? 1 : 0;
  new DataView(value.buffer).setUint32(policyValueLayout.rule, rule, true);
  return value;
}

export function decodePolicyRow(value: Uint8Array): PolicyRow & { readonly packets: number; readonly bytes: number } {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    deny: value[policyValueLayout.deny] !== 0,
    rule: view.getUint32(policyValueLayout.rule, true),
    packets: Number(view.getBigUint64(policyValueLayout.packets, true)),
    bytes: Number(view.getBigUint64(policyValueLayout.bytes, true)),
  };
}

export function encodePolicyHolder({ subject, remote, direction }: PolicyHolder): Uint8Array {
  const key = new Uint8Array(policyLengthsKeyLayout.size);
  const view = new DataView(key.buffer);
  view.setUint32(policyLengthsKeyLayout.subject, subject, true);
  view.setUint32(policyLengthsKeyLayout.remote, remote, true);
  key[policyLengthsKeyLayout.direction] = policyDirection[direction];
  return key;
}

export function decodePolicyHolder(key: Uint8Array): PolicyHolder {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return {
    subject: view.getUint32(policyLengthsKeyLayout.subject, true),
    remote: view.getUint32(policyLengthsKeyLayout.remote, true),
    direction: key[policyLengthsKeyLayout.direction] === policyDirection.ingress ? 'ingress' : 'egress',
  };
}

/** Bit n: there are rows of length n. 0, for anybody: the subject is ready, and nothing is allowed to everybody. */
export function encodePolicyLengths(lengths: number): Uint8Array {
  const value = new Uint8Array(policyLengthsValueSize);
  new DataView(value.buffer).setUint32(0, lengths, true);
  return value;
}

export function decodePolicyLengths(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0, true);
}
