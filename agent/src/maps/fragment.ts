/** frag: what the first fragment of a packet says of all. The programs' own; layout: bpf/README.md. */
export const fragmentKeyLayout = { size: 40, source: 0, destination: 16, id: 32, proto: 36 } as const;
export const fragmentValueLayout = {
  size: 8,
  sourcePort: 0,
  destinationPort: 2,
  proto: 4,
  icmpType: 5,
  icmpCode: 6,
} as const;

/** Size of the id, as it stands in the packet: of IPv4 the first two bytes. */
export const fragmentIdSize = 4;

export interface FragmentKey {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly id: Uint8Array;
  /** Of IPv4 its protocol; of IPv6 0. */
  readonly protocol: number;
}

export interface FragmentRecord {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** IP protocol number. */
  readonly protocol: number;
  readonly icmpType: number;
  readonly icmpCode: number;
}

export function encodeFragmentKey({ source, destination, id, protocol }: FragmentKey): Uint8Array {
  const key = new Uint8Array(fragmentKeyLayout.size);
  key.set(source, fragmentKeyLayout.source);
  key.set(destination, fragmentKeyLayout.destination);
  key.set(id, fragmentKeyLayout.id);
  key[fragmentKeyLayout.proto] = protocol;
  return key;
}

export function encodeFragment(record: FragmentRecord): Uint8Array {
  const value = new Uint8Array(fragmentValueLayout.size);
  const view = new DataView(value.buffer);
  view.setUint16(fragmentValueLayout.sourcePort, record.sourcePort, false);
  view.setUint16(fragmentValueLayout.destinationPort, record.destinationPort, false);
  value[fragmentValueLayout.proto] = record.protocol;
  value[fragmentValueLayout.icmpType] = record.icmpType;
  value[fragmentValueLayout.icmpCode] = record.icmpCode;
  return value;
}

export function decodeFragment(value: Uint8Array): FragmentRecord {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    sourcePort: view.getUint16(fragmentValueLayout.sourcePort, false),
    destinationPort: view.getUint16(fragmentValueLayout.destinationPort, false),
    protocol: view.getUint8(fragmentValueLayout.proto),
    icmpType: view.getUint8(fragmentValueLayout.icmpType),
    icmpCode: view.getUint8(fragmentValueLayout.icmpCode),
  };
}
