/** What is behind the IP header, and whole frames of it. */
import { ipv6Frame, ipv4Frame } from './packets.ts';
import type { Ipv4Fields } from './packets.ts';

export const protocol = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  fragment: 44,
  icmpv6: 58,
  none: 59,
  options: 60,
  sctp: 132,
} as const;

export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly ipv4?: Ipv4Fields;
  readonly hopLimit?: number;
}

export type Addresses = Pick<Packet, 'source' | 'destination'>;

/** As an Ethernet frame of the addresses' family. */
export function frameOf({ protocol: number, ...packet }: Packet): Uint8Array {
  if (packet.source.includes(':')) return ipv6Frame({ ...packet, nextHeader: number });
  return ipv4Frame({ ...packet, ipv4: { protocol: number, ...packet.ipv4 } });
}

export const tcpFlag = { F: 0x01, S: 0x02, R: 0x04, P: 0x08, A: 0x10 } as const;

export interface Ports {
  readonly from: number;
  readonly to: number;
}

/** `flags` by their first letters: 'SA' is SYN and ACK. */
export function tcp(addresses: Addresses, { from, to }: Ports, flags = 'S', data = 0): Packet {
  const payload = ports(20 + data, from, to);
  payload[12] = 5 << 4;
  payload[13] = Object.entries(tcpFlag).reduce((sum, [letter, bit]) => (flags.includes(letter) ? sum | bit : sum), 0);
  return { ...addresses, protocol: protocol.tcp, payload };
}

export function udp(addresses: Addresses, { from, to }: Ports, size = 8): Packet {
  return { ...addresses, protocol: protocol.udp, payload: ports(8 + size, from, to) };
}

export function sctp(addresses: Addresses, { from, to }: Ports): Packet {
  return { ...addresses, protocol: protocol.sctp, payload: ports(28, from, to) };
}

export function bare(addresses: Addresses, number: number): Packet {
  return { ...addresses, protocol: number, payload: new Uint8Array(16) };
}

/** `type` of the addresses' family. */
export function icmp(addresses: Addresses, type: number, rest: Uint8Array = new Uint8Array(8), code = 0): Packet {
  const payload = Uint8Array.of(type, code, 0, 0, ...rest);
  return { ...addresses, protocol: addresses.source.includes(':') ? protocol.icmpv6 : protocol.icmp, payload };
}

export function echo(addresses: Addresses, kind: 'request' | 'reply', id: number, size = 8): Packet {
  const types = addresses.source.includes(':') ? { request: 128, reply: 129 } : { request: 8, reply: 0 };
  const rest = new Uint8Array(4 + size);
  new DataView(rest.buffer).setUint16(0, id, false);
  return icmp(addresses, types[kind], rest);
}

/** An error about a packet: `bytes` of what is behind its IP header are quoted. */
export function icmpError(addresses: Addresses, about: Packet, bytes = 8): Packet {
  const quoted = frameOf({ ...about, payload: about.payload.subarray(0, bytes) }).subarray(14);
  return icmp(addresses, addresses.source.includes(':') ? 1 : 3, Uint8Array.of(0, 0, 0, 0, ...quoted), 4);
}

/** The other way round: source and destination, and ports where it has any. */
export function answerTo(packet: Packet, flags = 'SA'): Packet {
  const { source, destination, payload } = packet;
  const view = new DataView(payload.buffer, payload.byteOffset);
  const addresses = { source: destination, destination: source };
  const back = { from: view.getUint16(2, false), to: view.getUint16(0, false) };
  if (packet.protocol === protocol.tcp) return tcp(addresses, back, flags);
  if (packet.protocol === protocol.udp) return udp(addresses, back);
  if (packet.protocol === protocol.sctp) return sctp(addresses, back);
  if (packet.protocol === protocol.icmp || packet.protocol === protocol.icmpv6) {
    return echo(addresses, 'reply', view.getUint16(4, false));
  }
  return bare(addresses, packet.protocol);
}

export interface FragmentOptions {
  readonly id?: number;
  /** Bytes of the first fragment: a multiple of 8. */
  readonly at?: number;
}

/** A packet in two fragments. */
export function fragmentsOf(packet: Packet, { id = 77, at = 24 }: FragmentOptions = {}): readonly [Packet, Packet] {
  const [head, tail] = [packet.payload.subarray(0, at), packet.payload.subarray(at)];
  if (!packet.source.includes(':')) {
    const more = 0x2000;
    return [
      { ...packet, payload: head, ipv4: { id, fragment: more } },
      { ...packet, payload: tail, ipv4: { id, fragment: at >> 3 } },
    ];
  }
  return [
    withFragmentHeader({ ...packet, payload: head }, { id, offset: 0, hasMore: true }),
    withFragmentHeader({ ...packet, payload: tail }, { id, offset: at, hasMore: false }),
  ];
}

/** RFC 8200, 4.5. */
export function withFragmentHeader(
  packet: Packet,
  { id = 77, offset = 0, hasMore = false }: { id?: number; offset?: number; hasMore?: boolean } = {},
): Packet {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  header[0] = packet.protocol;
  view.setUint16(2, offset | (hasMore ? 1 : 0), false);
  view.setUint32(4, id, false);
  return { ...packet, protocol: protocol.fragment, payload: Uint8Array.of(...header, ...packet.payload) };
}

/** An IPv6 extension header of `size` bytes in front, a multiple of 8. */
export function withExtension(packet: Packet, number: number = protocol.options, size = 8): Packet {
  const header = new Uint8Array(size);
  header[0] = packet.protocol;
  header[1] = size / 8 - 1;
  return { ...packet, protocol: number, payload: Uint8Array.of(...header, ...packet.payload) };
}

function ports(size: number, from: number, to: number): Uint8Array {
  const payload = new Uint8Array(size);
  const view = new DataView(payload.buffer);
  view.setUint16(0, from, false);
  view.setUint16(2, to, false);
  return payload;
}
