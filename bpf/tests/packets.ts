import { address, ipv4Number, mac } from './records.ts';

export interface FrameOptions {
  readonly source: string;
  readonly destination: string;
  /** Default IPv4. */
  readonly etherType?: number;
  readonly sourceMac?: string;
  readonly destinationMac?: string;
  /** Behind the IPv4 header. */
  readonly payload?: Uint8Array;
}

const etherTypeIpv4 = 0x0800;

/** An Ethernet frame with an IPv4 header (protocol UDP, no checksum of its own). */
export function ipv4Frame(options: FrameOptions): Uint8Array {
  const payload = options.payload ?? new Uint8Array(26);
  const frame = new Uint8Array(14 + 20 + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(mac(options.destinationMac ?? '02:00:00:00:00:02'), 0);
  frame.set(mac(options.sourceMac ?? '02:00:00:00:00:01'), 6);
  view.setUint16(12, options.etherType ?? etherTypeIpv4, false);
  frame[14] = 0x45;
  view.setUint16(16, 20 + payload.length, false);
  frame[22] = 64;
  frame[23] = 17;
  frame.set(address(options.source).subarray(12), 26);
  frame.set(address(options.destination).subarray(12), 30);
  frame.set(payload, 34);
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

/** struct __sk_buff with ifindex@40 and cb@48. */
export function skbContext(options: { readonly ifindex?: number; readonly cb?: readonly number[] }): Uint8Array {
  const context = new Uint8Array(192);
  const view = new DataView(context.buffer);
  view.setUint32(40, options.ifindex ?? 0, true);
  options.cb?.forEach((word, i) => view.setUint32(48 + 4 * i, word, true));
  return context;
}

/** What a decapsulated packet has beside it: cb of tests/overlay.bpf.c. */
export function tunnelContext(vni: number, outerSource: string): Uint8Array {
  return skbContext({ cb: [vni, ipv4Number(outerSource)] });
}
