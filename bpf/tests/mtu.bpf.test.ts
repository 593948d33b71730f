import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel } from './kernel.ts';
import { JudgedPod, neighbour, pod, remote } from './judged-pod.ts';
import { skbContext } from './packets.ts';
import { anybody } from './policy-rows.ts';
import { address, mac, node as nodeRow, u32 } from './records.ts';
import { frameOf, tcp, udp, withExtension } from './transport.ts';
import type { Packet } from './transport.ts';

const mtu = 1400;
const mtu6 = 1380;
const ports = { from: 40_000, to: 80 };
const to = { source: pod.ip, destination: remote.ip };
const to6 = { source: pod.ip6, destination: remote.ip6 };
const redirect = 7;
const dontFragment = { fragment: 0x4000 };

/** UDP in an IP packet of so many bytes. */
function sized(bytes: number, { isIpv6 = false, mayBeFragmented = false } = {}): Packet {
  if (isIpv6) return udp(to6, ports, bytes - 48);
  return { ...udp(to, ports, bytes - 28), ipv4: mayBeFragmented ? {} : dontFragment };
}

/** RFC 1071: 0 when the checksum in them is right. */
function checksum(bytes: Uint8Array, seed = 0): number {
  let sum = seed;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

describeKernel('a packet larger than the tunnel takes', () => {
  const made = new DisposableStack();
  let node: JudgedPod;

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: 'mesh', rodata: { tunnel_mtu: mtu, tunnel_mtu6: mtu6 } }));
  });
  afterAll(() => made.dispose());
  beforeEach(() => {
    node.clear();
    node.allow('egress', anybody);
    node.map('node').update(u32(1), nodeRow(remote.node, 2));
  });

  function overIpv6(): void {
    node.map('node').update(u32(1), nodeRow('fd00:30:2::11', 2));
  }

  it.each([
    { name: 'IPv4 that just fits', packet: sized(mtu), want: 'tunnelled' },
    { name: 'IPv4 that does not', packet: sized(mtu + 1), want: 'answered' },
    {
      name: 'IPv4 that does not, but may be fragmented',
      packet: sized(mtu + 1, { mayBeFragmented: true }),
      want: 'tunnelled',
    },
    { name: 'IPv6 that just fits', packet: sized(mtu, { isIpv6: true }), want: 'tunnelled' },
    { name: 'IPv6 that does not', packet: sized(mtu + 1, { isIpv6: true }), want: 'answered' },
  ])('over IPv4: $name is $want', ({ packet, want }) => {
    expect(node.send(packet)).toBe(want);
  });

  it.each([
    { name: 'IPv4 that just fits', packet: sized(mtu6), want: 'tunnelled' },
    { name: 'IPv4 that does not', packet: sized(mtu6 + 1), want: 'answered' },
    {
      name: 'IPv4 that may be fragmented, where no router would',
      packet: sized(mtu6 + 1, { mayBeFragmented: true }),
      want: 'answered',
    },
    { name: 'IPv6 that does not', packet: sized(mtu6 + 1, { isIpv6: true }), want: 'answered' },
  ])('over IPv6: $name is $want', ({ packet, want }) => {
    overIpv6();
    expect(node.send(packet)).toBe(want);
  });

  const headers = { tcp: 20 + 20, tcp6: 40 + 20, udp: 20 + 8, udp6: 40 + 8, options: 40 + 16 + 20 };

  it.each([
    { name: 'TCP', packet: { ...tcp(to, ports, 'A', 3000), ipv4: dontFragment }, fits: mtu - headers.tcp },
    { name: 'TCP over IPv6', packet: tcp(to6, ports, 'A', 3000), fits: mtu - headers.tcp6 },
    { name: 'UDP', packet: { ...udp(to, ports, 3000), ipv4: dontFragment }, fits: mtu - headers.udp },
    { name: 'UDP over IPv6', packet: udp(to6, ports, 3000), fits: mtu - headers.udp6 },
    {
      name: 'TCP behind IPv6 options',
      packet: withExtension(tcp(to6, ports, 'A', 3000), 60, 16),
      fits: mtu - headers.options,
    },
  ])('what the card cuts into segments is measured by a segment: $name', ({ packet, fits }) => {
    const verdicts = [fits, fits + 1].map((gsoSize) => {
      const before = countOf(node.map('metrics'), reason.tooBig, direction.egress);
      const result = node.run('mesh_from_container', frameOf(packet), skbContext({ ifindex: 1, gsoSize }));
      expect(result.verdict).toBe(redirect);
      return countOf(node.map('metrics'), reason.tooBig, direction.egress) - before;
    });
    expect(verdicts).toEqual([0, 1]);
  });

  it.each([
    { name: 'IPv4', isIpv6: false, over: 4, size: mtu },
    { name: 'IPv6', isIpv6: true, over: 4, size: mtu },
    { name: 'IPv4 over IPv6', isIpv6: false, over: 6, size: mtu6 },
    { name: 'IPv6 over IPv6', isIpv6: true, over: 6, size: mtu6 },
  ])('is answered as a router would: $name', ({ isIpv6, over, size }) => {
    if (over === 6) overIpv6();
    const sent = frameOf(sized(1500, { isIpv6 }));
    const { data } = node.run('mesh_from_container', sent);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    expect(data.subarray(0, 14)).toEqual(
      Uint8Array.of(...sent.subarray(6, 12), ...sent.subarray(0, 6), ...sent.subarray(12, 14)),
    );
    const ip = data.subarray(14);
    const message = ip.subarray(isIpv6 ? 40 : 20);
    expect(message.subarray(8)).toEqual(sent.subarray(14, 14 + 128));
    if (isIpv6) {
      expect([ip[0], ip[6], view.getUint16(18, false)]).toEqual([0x60, 58, 8 + 128]);
      expect([ip.subarray(8, 24), ip.subarray(24, 40)]).toEqual([address(remote.ip6), address(pod.ip6)]);
      expect([message[0], message[1], view.getUint32(14 + 40 + 4, false)]).toEqual([2, 0, size]);
      const pseudo = Uint8Array.of(...ip.subarray(8, 40), 0, 0, 0, 8 + 128, 0, 0, 0, 58);
      expect(checksum(Uint8Array.of(...pseudo, ...message))).toBe(0);
    } else {
      expect([ip[0], ip[9], view.getUint16(16, false)]).toEqual([0x45, 1, 20 + 8 + 128]);
      expect([ip.subarray(12, 16), ip.subarray(16, 20)]).toEqual([
        address(remote.ip).subarray(12),
        address(pod.ip).subarray(12),
      ]);
      expect([message[0], message[1], view.getUint16(14 + 20 + 6, false)]).toEqual([3, 4, size]);
      expect(checksum(ip.subarray(0, 20))).toBe(0);
      expect(checksum(message)).toBe(0);
    }
  });

  it('is not even answered when policy does not allow it', () => {
    node.deny('egress', anybody);
    expect(node.send(sized(1500))).toBe('policyDenied');
    const spoofed = { ...sized(1500), source: neighbour.ip };
    expect(node.send(spoofed)).toBe('spoofedSource');
  });

  it('is the CNI\u2019s where it does not go to another cluster', () => {
    expect(node.send({ ...sized(1500), destination: neighbour.ip })).toBe('passed');
  });

  it('goes as it is where nobody has said what fits', () => {
    using unset = new JudgedPod({ scope: 'none' });
    expect(unset.send(sized(3000))).toBe('tunnelled');
  });

  it('goes to the pod that sent it', () => {
    const sent = frameOf(sized(1500));
    sent.set(mac('02:00:00:00:00:aa'), 6);
    expect(node.run('mesh_from_container', sent).data.subarray(0, 6)).toEqual(mac('02:00:00:00:00:aa'));
  });
});
