import { addressSize } from './address.ts';

/** ep_ip and ep_if: the pods of this node. Layout: datapath.md §3.2, shared with bpf/lib/endpoint.h. */
export const endpointLayout = {
  size: 48,
  ifindex: 0,
  identity: 4,
  endpointId: 8,
  flags: 12,
  address: 16,
  mac: 32,
  hostMac: 38,
  subject: 44,
} as const;

const macSize = 6;

export interface EndpointRecord {
  /** Host side of the veth pair. */
  readonly ifindex: number;
  readonly identity: number;
  readonly endpointId: number;
  /** 16 bytes, v4-mapped. */
  readonly address: Uint8Array;
  /** The pod's, 6 bytes. */
  readonly mac: Uint8Array;
  /** Of the host side, 6 bytes. */
  readonly hostMac: Uint8Array;
  /** Whose policy rows judge it; 0: those of its identity. */
  readonly subject: number;
}

export function encodeEndpoint(endpoint: EndpointRecord): Uint8Array {
  const value = new Uint8Array(endpointLayout.size);
  const view = new DataView(value.buffer);
  view.setUint32(endpointLayout.ifindex, endpoint.ifindex, true);
  view.setUint32(endpointLayout.identity, endpoint.identity, true);
  view.setUint32(endpointLayout.endpointId, endpoint.endpointId, true);
  value.set(endpoint.address, endpointLayout.address);
  value.set(endpoint.mac, endpointLayout.mac);
  value.set(endpoint.hostMac, endpointLayout.hostMac);
  view.setUint32(endpointLayout.subject, endpoint.subject, true);
  return value;
}

export function decodeEndpoint(value: Uint8Array): EndpointRecord {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    ifindex: view.getUint32(endpointLayout.ifindex, true),
    identity: view.getUint32(endpointLayout.identity, true),
    endpointId: view.getUint32(endpointLayout.endpointId, true),
    address: value.slice(endpointLayout.address, endpointLayout.address + addressSize),
    mac: value.slice(endpointLayout.mac, endpointLayout.mac + macSize),
    hostMac: value.slice(endpointLayout.hostMac, endpointLayout.hostMac + macSize),
    subject: view.getUint32(endpointLayout.subject, true),
  };
}

/** Key of ep_if. */
export function encodeInterfaceKey(ifindex: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, ifindex, true);
  return key;
}
