import { remoteNodeIdentity } from '@clustermesh/wire';

/** Behind the inner Ethernet header. Layout shared with bpf/lib/probe.h. */
export const probeFrameLayout = { size: 16, magic: 0, kind: 4, token: 8 } as const;
export const probeKind = { request: 1, answer: 2 } as const;

const magic = 0x636d_7062;
/** Local experimental EtherType 1: no stack, and no other CNI, delivers it anywhere. */
const etherType = 0x88b5;
const vxlanHeaderSize = 8;
const ethernetHeaderSize = 14;
/** RFC 7348: the VNI is there. */
const vniFlag = 0x08;

/**
 * A probe as it leaves by an ordinary UDP socket: VXLAN in user space, as the tunnel device of another node takes it.
 * The Ethernet addresses are nobody's.
 */
export function probeDatagram(token: bigint): Uint8Array {
  const bytes = new Uint8Array(vxlanHeaderSize + ethernetHeaderSize + probeFrameLayout.size);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, vniFlag);
  view.setUint32(4, remoteNodeIdentity << 8);
  view.setUint16(vxlanHeaderSize + 12, etherType);
  const at = vxlanHeaderSize + ethernetHeaderSize;
  view.setUint32(at + probeFrameLayout.magic, magic);
  view.setUint8(at + probeFrameLayout.kind, probeKind.request);
  view.setBigUint64(at + probeFrameLayout.token, token, true);
  return bytes;
}
