export interface UdpFlow {
  /** IPv4, v4-mapped. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const [ethernetSize, ipSize, udpSize, payloadSize] = [14, 20, 8, 64];
const udp = 17;

/** An Ethernet frame. */
export function udpPacket({ source, destination, sourcePort, destinationPort }: UdpFlow): Uint8Array {
  const frame = new Uint8Array(ethernetSize + ipSize + udpSize + payloadSize);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800, false);
  frame[ethernetSize] = 0x45;
  view.setUint16(ethernetSize + 2, frame.length - ethernetSize, false);
  frame[ethernetSize + 8] = 64;
  frame[ethernetSize + 9] = udp;
  frame.set(source.subarray(12), ethernetSize + 12);
  frame.set(destination.subarray(12), ethernetSize + 16);
  view.setUint16(ethernetSize + ipSize, sourcePort, false);
  view.setUint16(ethernetSize + ipSize + 2, destinationPort, false);
  view.setUint16(ethernetSize + ipSize + 4, udpSize + payloadSize, false);
  return frame;
}

/** struct __sk_buff of a packet at an interface. */
export function skbContext(ifindex: number): Uint8Array {
  const context = new Uint8Array(192);
  new DataView(context.buffer).setUint32(40, ifindex, true);
  return context;
}
