import { addressSize } from '../../maps/address.ts';
import { addressFamily, familyOf } from '../../maps/ipcache.ts';
import { bytesAt, sliceOf } from './bytes.ts';
import type { Refusal } from './decision.ts';

export const ethernetSize = 14;
export const etherType = { ipv4: 0x0800, ipv6: 0x86dd, probe: 0x88b5 } as const;
const macSize = 6;

export const ipv4Size = 20;
export const ipv6Size = 40;

const dontFragment = 0x4000;

export type IpVersion = 4 | 6;

export interface Flow {
  /** 16 bytes, v4-mapped. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export function etherTypeOf(frame: Uint8Array): number | undefined {
  return bytesAt(frame, ethernetSize - 2, 2)?.getUint16(0, false);
}

export function ipVersionOf(frame: Uint8Array): IpVersion | undefined {
  const type = etherTypeOf(frame);
  if (type === etherType.ipv4) return 4;
  return type === etherType.ipv6 ? 6 : undefined;
}

/** Who sends a frame to whom. */
export function readFlow(frame: Uint8Array): Flow | Refusal {
  const version = ipVersionOf(frame);
  if (version === undefined) return { refused: 'unsupported protocol' };
  const flow = readAddresses(frame, ethernetSize, version);
  if (flow === undefined) return { refused: 'truncated' };
  // On a wire there are no v4-mapped addresses: here they would pass for IPv4.
  if (version === 6 && (isIpv4(flow.source) || isIpv4(flow.destination))) return { refused: 'unsupported protocol' };
  return flow;
}

/** Addresses of the IP header at `offset`; undefined when it is not all there. */
export function readAddresses(frame: Uint8Array, offset: number, version: IpVersion): Flow | undefined {
  if (version === 4) {
    const ip = bytesAt(frame, offset, ipv4Size);
    return ip && { source: mapped(sliceOf(ip, 12, 4)), destination: mapped(sliceOf(ip, 16, 4)) };
  }
  const ip = bytesAt(frame, offset, ipv6Size);
  return ip && { source: sliceOf(ip, 8, addressSize), destination: sliceOf(ip, 24, addressSize) };
}

/** Of IPv4 alone: routers of IPv6 do not. */
export function mayBeFragmented(frame: Uint8Array): boolean {
  const flags = ipVersionOf(frame) === 4 ? bytesAt(frame, ethernetSize + 6, 2) : undefined;
  return flags !== undefined && (flags.getUint16(0, false) & dontFragment) === 0;
}

/** The frame with other Ethernet addresses. */
export function addressedTo(frame: Uint8Array, destinationMac: Uint8Array, sourceMac: Uint8Array): Uint8Array {
  const copy = frame.slice();
  copy.set(destinationMac, 0);
  copy.set(sourceMac, macSize);
  return copy;
}

export function isIpv4(address: Uint8Array): boolean {
  return familyOf(address) === addressFamily.ipv4;
}

export function isUnspecified(address: Uint8Array): boolean {
  return address.every((byte) => byte === 0);
}

export function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** Multicast, link-local, broadcast, unspecified: no router forwards them, so no other cluster can have them. */
export function staysOnLink(address: Uint8Array): boolean {
  const [first = 0, second = 0] = address;
  if (!isIpv4(address)) return first === 0xff || isUnspecified(address) || (first === 0xfe && second >>> 6 === 2);
  const [octet = 0, next = 0] = address.subarray(12);
  return octet >= 224 || octet === 0 || (octet === 169 && next === 254);
}

function mapped(ipv4: Uint8Array): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ipv4);
}
