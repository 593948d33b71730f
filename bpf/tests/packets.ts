import { address, ipv4Number, mac } from './records.ts';

export interface FrameOptions {
  readonly source: string;
  readonly destination: string;
  /** Default IPv4. */
  readonly etherType?: number;
  readonly sourceMac?: string;
  readonly destinationMac?: string;
  /** Behind the IP header. */
  readonly payload?: Uint8Array;
  /** Default 64. */
  readonly hopLimit?: number;
  readonly ipv4?: Ipv4Fields;
}

export interface Ipv4Fields {
  /** Default UDP. */
  readonly protocol?: number;
  readonly id?: number;
  /** Flags and offset as they stand in the header. */
  readonly fragment?: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
}

const etherTypeIpv4 = 0x0800;
const etherTypeIpv6 = 0x86dd;
const udp = 17;

/** A frame of the addresses' family. */
export function ipFrame(options: FrameOptions): Uint8Array {
  return options.source.includes(':') ? ipv6Frame(options) : ipv4Frame(options);
}

/** An Ethernet frame with an IPv4 header (no checksum of its own). */
export function ipv4Frame(options: FrameOptions): Uint8Array {
  const payload = options.payload ?? new Uint8Array(26);
  const { protocol = udp, id = 0, fragment = 0, options: more = new Uint8Array() } = options.ipv4 ?? {};
  const headerSize = 20 + more.length;
  const frame = new Uint8Array(14 + headerSize + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(mac(options.destinationMac ?? '02:00:00:00:00:02'), 0);
  frame.set(mac(options.sourceMac ?? '02:00:00:00:00:01'), 6);
  view.setUint16(12, options.etherType ?? etherTypeIpv4, false);
  frame[14] = 0x40 | (headerSize >> 2);
  view.setUint16(16, headerSize + payload.length, false);
  view.setUint16(18, id, false);
  view.setUint16(20, fragment, false);
  frame[22] = options.hopLimit ?? 64;
  frame[23] = protocol;
  frame.set(address(options.source).subarray(12), 26);
  frame.set(address(options.destination).subarray(12), 30);
  frame.set(more, 34);
  frame.set(payload, 14 + headerSize);
  return frame;
}

/** An Ethernet frame with an IPv6 header; `payload` begins with `nextHeader`. */
export function ipv6Frame(options: FrameOptions & { readonly nextHeader?: number }): Uint8Array {
  const payload = options.payload ?? new Uint8Array(26);
  const frame = ethernetFrame(options.etherType ?? etherTypeIpv6, 40 + payload.length);
  const view = new DataView(frame.buffer);
  frame[14] = 0x60;
  view.setUint16(18, payload.length, false);
  frame[20] = options.nextHeader ?? udp;
  frame[21] = options.hopLimit ?? 64;
  frame.set(address(options.source), 22);
  frame.set(address(options.destination), 38);
  frame.set(payload, 54);
  return frame;
}

export const probeKind = { request: 1, answer: 2 } as const;
export const probeEtherType = 0x88b5;

/** A probe between nodes, lib/probe.h. */
export function probeFrame(kind: number, token: bigint): Uint8Array {
  const frame = ethernetFrame(probeEtherType, 16);
  const view = new DataView(frame.buffer);
  view.setUint32(14, 0x636d7062, false);
  frame[18] = kind;
  view.setBigUint64(22, token, true);
  return frame;
}

function ethernetFrame(etherType: number, length: number): Uint8Array {
  const frame = new Uint8Array(14 + length);
  frame.set(mac('02:00:00:00:00:02'), 0);
  frame.set(mac('02:00:00:00:00:01'), 6);
  new DataView(frame.buffer).setUint16(12, etherType, false);
  return frame;
}

/** RFC 7348: flags with the I bit, VNI in the upper three of the last four bytes, then the inner frame. */
export function vxlanPayload(vni: number, inner: Uint8Array): Uint8Array {
  const packet = new Uint8Array(8 + inner.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x08;
  view.setUint32(4, vni << 8, false);
  packet.set(inner, 8);
  return packet;
}

/** struct __sk_buff with mark@8, ifindex@40, cb@48 and gso_size@176. */
export function skbContext(options: {
  readonly mark?: number;
  readonly ifindex?: number;
  readonly cb?: readonly number[];
  /** Of a packet that the card would cut into segments: what each carries. */
  readonly gsoSize?: number;
}): Uint8Array {
  const context = new Uint8Array(192);
  const view = new DataView(context.buffer);
  view.setUint32(8, options.mark ?? 0, true);
  view.setUint32(40, options.ifindex ?? 0, true);
  view.setUint32(176, options.gsoSize ?? 0, true);
  options.cb?.forEach((word, i) => view.setUint32(48 + 4 * i, word, true));
  return context;
}

/** What a decapsulated packet has beside it: cb and mark of tests/overlay.bpf.c. */
export function tunnelContext(vni: number, outerSource: string): Uint8Array {
  if (!outerSource.includes(':')) return skbContext({ cb: [vni, ipv4Number(outerSource)] });
  const view = new DataView(address(outerSource).buffer);
  return skbContext({ mark: 6, cb: [vni, ...[0, 4, 8, 12].map((at) => view.getUint32(at, true))] });
}
