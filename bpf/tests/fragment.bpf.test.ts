import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeKernel } from './kernel.ts';
import { JudgedPod, neighbour, pod, remote } from './judged-pod.ts';
import { anybody, region } from './policy-rows.ts';
import { bare, echo, fragmentsOf, protocol, tcp, udp, withExtension, withFragmentHeader } from './transport.ts';
import type { Packet } from './transport.ts';

const addresses = { source: neighbour.ip, destination: pod.ip };
const addresses6 = { source: neighbour.ip6, destination: pod.ip6 };
const dns = { from: 40_000, to: 53 };

describeKernel('fragments and headers in front', () => {
  const made = new DisposableStack();
  let node: JudgedPod;

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: 'all' }));
  });
  afterAll(() => made.dispose());
  beforeEach(() => {
    node.clear();
    node.isolate('ingress');
    node.isolate('egress');
  });

  it.each([
    { name: 'UDP', packet: udp(addresses, dns, 64), at: region(protocol.udp, 53) },
    { name: 'UDP over IPv6', packet: udp(addresses6, dns, 64), at: region(protocol.udp, 53) },
    { name: 'TCP', packet: tcp(addresses, dns, 'S', 64), at: region(protocol.tcp, 53) },
    { name: 'TCP over IPv6', packet: tcp(addresses6, dns, 'S', 64), at: region(protocol.tcp, 53) },
    { name: 'ping', packet: echo(addresses, 'request', 9, 64), at: region(protocol.icmp, 8) },
    { name: 'ping over IPv6', packet: echo(addresses6, 'request', 9, 64), at: region(protocol.icmpv6, 128) },
    { name: 'a protocol without ports', packet: bare(addresses, 47), at: region(47) },
    { name: 'UDP behind IPv6 options', packet: withExtension(udp(addresses6, dns, 64)), at: region(protocol.udp, 53) },
  ])('$name: those that follow are judged as the first', ({ packet, at }) => {
    const [first, second] = fragmentsOf(packet, { at: packet.protocol === 47 ? 8 : 24 });
    node.allow('ingress', neighbour.identity, at);
    expect(node.receive(second)).toBe('fragmentUnknown');
    expect(node.receive(first)).toBe('passed');
    expect(node.receive(second)).toBe('passed');
    node.deny('ingress', neighbour.identity, at);
    expect(node.receive(second)).toBe('policyDenied');
    expect([...node.map('ct').entries()].length).toBe(1);
  });

  it.each([
    { name: 'of another packet', id: 78, source: addresses.source },
    { name: 'of another sender', id: 77, source: '10.1.0.4' },
  ])('a fragment $name is not known', ({ id, source }) => {
    node.allow('ingress', anybody);
    const [first] = fragmentsOf(udp(addresses, dns, 64));
    const [, second] = fragmentsOf(udp(addresses, dns, 64), { id });
    expect(node.receive(first)).toBe('passed');
    expect(node.receive({ ...second, source })).toBe('fragmentUnknown');
  });

  it('an answer in fragments is an answer', () => {
    node.allow('egress', anybody);
    node.send(udp({ source: pod.ip, destination: neighbour.ip }, dns));
    const [first, second] = fragmentsOf(udp(addresses, { from: 53, to: 40_000 }, 64));
    expect(node.receive(first)).toBe('passed');
    expect(node.receive(second)).toBe('passed');
    node.deny('egress', anybody);
    expect(node.receive(second)).toBe('policyDenied');
  });

  it('through the tunnel, both ways', () => {
    node.allow('egress', remote.identity, region(protocol.udp, 53));
    node.allow('ingress', remote.identity, region(protocol.udp, 53));
    for (const [there, here] of [
      [remote.ip, pod.ip],
      [remote.ip6, pod.ip6],
    ] as const) {
      const [first, second] = fragmentsOf(udp({ source: there, destination: here }, dns, 64));
      expect([node.arrive(first), node.arrive(second)]).toEqual(['delivered', 'delivered']);
      const [sent, rest] = fragmentsOf(udp({ source: here, destination: there }, dns, 64));
      expect([node.send(sent), node.send(rest)]).toEqual(['tunnelled', 'tunnelled']);
    }
  });

  it('what a pod sends in the name of another one is not remembered', () => {
    node.allow('egress', anybody);
    const [first] = fragmentsOf(udp({ source: neighbour.ip, destination: remote.ip }, dns, 64));
    expect(node.send(first)).toBe('spoofedSource');
    expect([...node.map('frag').entries()]).toEqual([]);
  });

  it.each<{ name: string; packet: Packet }>([
    { name: 'a fragment that is all of its packet', packet: withFragmentHeader(udp(addresses6, dns)) },
    { name: 'hop-by-hop options', packet: withExtension(udp(addresses6, dns), 0, 16) },
    { name: 'routing', packet: withExtension(udp(addresses6, dns), 43, 24) },
    {
      name: 'all there are',
      packet: withExtension(withExtension(withFragmentHeader(withExtension(udp(addresses6, dns))), 43), 0, 264),
    },
    { name: 'IPv4 options', packet: { ...udp(addresses, dns), ipv4: { options: new Uint8Array(40) } } },
  ])('ports are found behind $name', ({ packet }) => {
    node.allow('ingress', neighbour.identity, region(protocol.udp, 53));
    expect(node.receive(packet)).toBe('passed');
    expect([...node.map('frag').entries()]).toEqual([]);
    node.deny('ingress', neighbour.identity, region(protocol.udp, 53));
    expect(node.receive(packet)).toBe('policyDenied');
  });

  const nested = Array.from({ length: 7 }).reduce<Packet>((packet) => withExtension(packet), udp(addresses6, dns));
  const [inner] = fragmentsOf(udp(addresses6, dns, 64));

  it.each<{ name: string; packet: Packet; want: string }>([
    { name: 'more IPv6 headers than anybody needs', packet: nested, want: 'unsupportedProtocol' },
    {
      name: 'a fragment of a fragment',
      packet: withFragmentHeader(inner, { hasMore: true }),
      want: 'unsupportedProtocol',
    },
    {
      name: 'an IPv6 header that ends early',
      packet: { ...udp(addresses6, dns), protocol: 60, payload: Uint8Array.of(17, 0, 0, 0) },
      want: 'truncated',
    },
    {
      name: 'an IPv6 header longer than the packet',
      packet: { ...udp(addresses6, dns), protocol: 60, payload: Uint8Array.of(17, 9, 0, 0, 0, 0, 0, 0) },
      want: 'truncated',
    },
    {
      name: 'UDP without its ports',
      packet: { ...udp(addresses, dns), payload: new Uint8Array(3) },
      want: 'truncated',
    },
    {
      name: 'TCP without its flags',
      packet: { ...tcp(addresses, dns), payload: tcp(addresses, dns).payload.slice(0, 12) },
      want: 'truncated',
    },
    {
      name: 'a first fragment of TCP that ends before its flags',
      packet: fragmentsOf(tcp(addresses, dns), { at: 8 })[0],
      want: 'truncated',
    },
    {
      name: 'ICMP without its type',
      packet: { ...echo(addresses, 'request', 9), payload: Uint8Array.of(8) },
      want: 'truncated',
    },
    { name: 'nothing behind IPv4', packet: { ...udp(addresses, dns), payload: new Uint8Array() }, want: 'truncated' },
  ])('$name cannot be judged, and is dropped: $want', ({ packet, want }) => {
    node.allow('ingress', anybody);
    expect(node.receive(packet)).toBe(want);
  });

  it.each([
    { name: 'IPv4 header of fewer words than it has', at: 14, byte: 0x44 },
    { name: 'IPv4 header of another version', at: 14, byte: 0x65 },
  ])('an $name is dropped', ({ at, byte }) => {
    node.allow('ingress', anybody);
    expect(node.receive(udp(addresses, dns), (frame) => frame.fill(byte, at, at + 1))).toBe('truncated');
  });
});
