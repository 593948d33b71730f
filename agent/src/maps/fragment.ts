/** frag: ports of a fragmented packet, from its first fragment. The programs' own; layout: bpf/README.md. */
export const fragmentKeyLayout = { size: 40, source: 0, destination: 16, id: 32, proto: 36 } as const;
export const fragmentValueLayout = { size: 4, sourcePort: 0, destinationPort: 2 } as const;

/** Size of the id, as it stands in the packet: of IPv4 the first two bytes. */
export const fragmentIdSize = 4;

export interface FragmentKey {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly id: Uint8Array;
  readonly protocol: number;
}

export interface FragmentPorts {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export function encodeFragmentKey({ source, destination, id, protocol }: FragmentKey): Uint8Array {
  const key = new Uint8Array(fragmentKeyLayout.size);
  key.set(source, fragmentKeyLayout.source);
  key.set(destination, fragmentKeyLayout.destination);
  key.set(id, fragmentKeyLayout.id);
  key[fragmentKeyLayout.proto] = protocol;
  return key;
}

export function encodeFragmentPorts({ sourcePort, destinationPort }: FragmentPorts): Uint8Array {
  const value = new Uint8Array(fragmentValueLayout.size);
  const view = new DataView(value.buffer);
  view.setUint16(fragmentValueLayout.sourcePort, sourcePort, false);
  view.setUint16(fragmentValueLayout.destinationPort, destinationPort, false);
  return value;
}

export function decodeFragmentPorts(value: Uint8Array): FragmentPorts {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    sourcePort: view.getUint16(fragmentValueLayout.sourcePort, false),
    destinationPort: view.getUint16(fragmentValueLayout.destinationPort, false),
  };
}
