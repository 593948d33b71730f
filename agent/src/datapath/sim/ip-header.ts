import { fragmentIdSize } from '../../maps/fragment.ts';
import type { FragmentKey } from '../../maps/fragment.ts';
import { bytesAt, sliceOf } from './bytes.ts';
import type { Refusal } from './decision.ts';
import { ipv4Size, ipv6Size, readAddresses } from './frame.ts';
import type { Flow, IpVersion } from './frame.ts';

export const ipProtocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

/** An IP packet as far as it says what is inside. */
export interface IpHeader extends Flow {
  readonly version: IpVersion;
  readonly protocol: number;
  readonly hopLimit: number;
  /** Where the transport's header stands, or would stand in a later fragment. */
  readonly transportOffset: number;
  /** Of a packet that has several. `key`: what they have in common. */
  readonly fragment?: { readonly key: FragmentKey; readonly isFirst: boolean };
}

/** With what could be read all the same. */
export type UnreadableIp = Refusal & Partial<Flow> & { readonly protocol?: number };

export function readIpHeader(frame: Uint8Array, offset: number, version: IpVersion): IpHeader | UnreadableIp {
  const flow = readAddresses(frame, offset, version);
  const ip = bytesAt(frame, offset, version === 4 ? ipv4Size : ipv6Size);
  if (flow === undefined || ip === undefined || ip.getUint8(0) >>> 4 !== version) return { refused: 'truncated' };
  return version === 4 ? readIpv4(ip, offset, flow) : readIpv6(frame, ip, offset, flow);
}

/** RFC 791: version and length of the header, …, id, flags and offset of a fragment, hop limit, protocol. */
function readIpv4(ip: DataView, offset: number, flow: Flow): IpHeader | Refusal {
  const headerSize = (ip.getUint8(0) & 0xf) * 4;
  if (headerSize < ipv4Size) return { refused: 'truncated' };
  const flags = ip.getUint16(6, false);
  const protocol = ip.getUint8(9);
  const id = new Uint8Array(fragmentIdSize);
  id.set(sliceOf(ip, 4, 2));
  const fragment = fragmentOf({ ...flow, id, protocol }, flags & 0x1fff, (flags & 0x2000) !== 0);
  const transportOffset = offset + headerSize;
  return { ...flow, version: 4, protocol, hopLimit: ip.getUint8(8), transportOffset, ...fragment };
}

/** One that is all of its packet is no fragment. */
function fragmentOf(key: FragmentKey, offset: number, hasMore: boolean): Pick<IpHeader, 'fragment'> {
  return offset > 0 || hasMore ? { fragment: { key, isFirst: offset === 0 } } : {};
}

const extension = { hopByHop: 0, routing: 43, fragment: 44, destination: 60 } as const;
const extensions: readonly number[] = Object.values(extension);
/** More of them are not served. */
const maxExtensions = 6;

/** RFC 8200: the next header, and after each extension the one behind it. */
function readIpv6(frame: Uint8Array, ip: DataView, offset: number, flow: Flow): IpHeader | UnreadableIp {
  let protocol = ip.getUint8(6);
  let transportOffset = offset + ipv6Size;
  let fragmented: Pick<IpHeader, 'fragment'> = {};
  for (let nth = 0; extensions.includes(protocol) && fragmented.fragment?.isFirst !== false; nth++) {
    const header = bytesAt(frame, transportOffset, 8);
    if (nth === maxExtensions) return { ...flow, protocol, refused: 'unsupported protocol' };
    if (header === undefined) return { ...flow, protocol, refused: 'truncated' };
    if (protocol === extension.fragment) {
      // Fragments of fragments nobody sends but to deceive.
      if (fragmented.fragment !== undefined) return { ...flow, protocol, refused: 'unsupported protocol' };
      const word = header.getUint16(2, false);
      fragmented = fragmentOf({ ...flow, id: sliceOf(header, 4, 4), protocol: 0 }, word >>> 3, (word & 1) === 1);
      transportOffset += 8;
    } else {
      transportOffset += 8 * (1 + header.getUint8(1));
    }
    protocol = header.getUint8(0);
  }
  return { ...flow, version: 6, protocol, hopLimit: ip.getUint8(7), transportOffset, ...fragmented };
}
