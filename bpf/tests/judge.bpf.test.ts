import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeKernel } from './kernel.ts';
import { JudgedPod, host, neighbour, pod, remote, world } from './judged-pod.ts';
import type { Outcome } from './judged-pod.ts';
import { anybody, everything, region } from './policy-rows.ts';
import { address, endpoint, hostKey, ipcacheEntry, lengthsKey, policyKey, policyPackets } from './records.ts';
import { bare, echo, frameOf, icmp, protocol, sctp, tcp, udp } from './transport.ts';
import type { Addresses, Packet } from './transport.ts';

const toNeighbour = { source: pod.ip, destination: neighbour.ip };
const fromNeighbour = { source: neighbour.ip, destination: pod.ip };
const fromNeighbour6 = { source: neighbour.ip6, destination: pod.ip6 };
const toRemote = { source: pod.ip, destination: remote.ip };
const fromRemote = { source: remote.ip, destination: pod.ip };
const web = { from: 40_000, to: 80 };
const webTcp = region(protocol.tcp, 80);

describeKernel('a packet is judged by rows', () => {
  const made = new DisposableStack();
  let node: JudgedPod;

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: 'all' }));
  });
  afterAll(() => made.dispose());
  beforeEach(() => node.clear());

  interface Case {
    readonly name: string;
    readonly rows: (node: JudgedPod) => unknown;
    readonly packet?: Packet;
    readonly want: Outcome;
  }

  const { identity: who } = neighbour;
  const cases: readonly Case[] = [
    { name: 'nothing is known of the subject', rows: () => undefined, want: 'policyNotReady' },
    { name: 'nobody is allowed anything', rows: (n) => n.isolate('ingress'), want: 'policyNoRule' },
    {
      name: 'somebody else is allowed',
      rows: (n) => n.isolate('ingress').allow('ingress', 99),
      want: 'policyNoRule',
    },
    { name: 'everybody is allowed everything', rows: (n) => n.allow('ingress', anybody), want: 'passed' },
    { name: 'its identity is allowed everything', rows: (n) => n.allow('ingress', who), want: 'passed' },
    { name: 'its identity is denied everything', rows: (n) => n.deny('ingress', who), want: 'policyDenied' },
    {
      name: 'what counts is the other direction\u2019s',
      rows: (n) => n.isolate('ingress').allow('egress', anybody),
      want: 'policyNoRule',
    },
    { name: 'its port is allowed', rows: (n) => n.allow('ingress', who, webTcp), want: 'passed' },
    { name: 'its port is allowed to everybody', rows: (n) => n.allow('ingress', anybody, webTcp), want: 'passed' },
    {
      name: 'another port is allowed',
      rows: (n) => n.allow('ingress', who, region(protocol.tcp, 81)),
      want: 'policyNoRule',
    },
    {
      name: 'another protocol is allowed',
      rows: (n) => n.allow('ingress', who, region(protocol.udp, 80)),
      want: 'policyNoRule',
    },
    { name: 'its protocol is allowed', rows: (n) => n.allow('ingress', who, region(protocol.tcp)), want: 'passed' },
    {
      name: 'a range around its port is allowed',
      rows: (n) => n.allow('ingress', who, region(protocol.tcp, 64, 18)),
      want: 'passed',
    },
    {
      name: 'a range beside its port is allowed',
      rows: (n) => n.allow('ingress', who, region(protocol.tcp, 128, 18)),
      want: 'policyNoRule',
    },
    {
      name: 'all is allowed, its port is denied',
      rows: (n) => n.allow('ingress', who).deny('ingress', who, webTcp),
      want: 'policyDenied',
    },
    {
      name: 'all is denied, its port is allowed',
      rows: (n) => n.deny('ingress', who).allow('ingress', who, webTcp),
      want: 'passed',
    },
    {
      name: 'everybody is denied the port, its identity is allowed everything: the longer row counts',
      rows: (n) => n.allow('ingress', who).deny('ingress', anybody, webTcp),
      want: 'policyDenied',
    },
    {
      name: 'everybody is denied the protocol, its identity is allowed the port',
      rows: (n) => n.deny('ingress', anybody, region(protocol.tcp)).allow('ingress', who, webTcp),
      want: 'passed',
    },
    {
      name: 'between equal rows its identity\u2019s counts: denied',
      rows: (n) => n.allow('ingress', anybody, webTcp).deny('ingress', who, webTcp),
      want: 'policyDenied',
    },
    {
      name: 'between equal rows its identity\u2019s counts: allowed',
      rows: (n) => n.deny('ingress', anybody, webTcp).allow('ingress', who, webTcp),
      want: 'passed',
    },
    {
      name: 'a range is denied, a range in it allowed, and in that its port denied',
      rows: (n) =>
        n
          .deny('ingress', who, region(protocol.tcp, 0, 9))
          .allow('ingress', who, region(protocol.tcp, 64, 19))
          .deny('ingress', who, webTcp),
      want: 'policyDenied',
    },
    {
      name: 'the last port of a range is in it',
      rows: (n) => n.allow('ingress', who, region(protocol.tcp, 64, 20)),
      packet: tcp(fromNeighbour, { from: 40_000, to: 79 }),
      want: 'passed',
    },
    {
      name: 'port 65535',
      rows: (n) => n.allow('ingress', who, region(protocol.tcp, 65_535)),
      packet: tcp(fromNeighbour, { from: 40_000, to: 65_535 }),
      want: 'passed',
    },
    {
      name: 'UDP',
      rows: (n) => n.allow('ingress', who, region(protocol.udp, 80)),
      packet: udp(fromNeighbour, web),
      want: 'passed',
    },
    {
      name: 'SCTP',
      rows: (n) => n.allow('ingress', who, region(protocol.sctp, 80)),
      packet: sctp(fromNeighbour, web),
      want: 'passed',
    },
    {
      name: 'SCTP to another port',
      rows: (n) => n.allow('ingress', who, region(protocol.sctp, 81)),
      packet: sctp(fromNeighbour, web),
      want: 'policyNoRule',
    },
    {
      name: 'a protocol without ports',
      rows: (n) => n.allow('ingress', who, region(47)),
      packet: bare(fromNeighbour, 47),
      want: 'passed',
    },
    {
      name: 'a protocol without ports where another one is allowed',
      rows: (n) => n.allow('ingress', who, region(47)),
      packet: bare(fromNeighbour, 50),
      want: 'policyNoRule',
    },
    {
      name: 'ICMP of the type that is allowed',
      rows: (n) => n.allow('ingress', who, region(protocol.icmp, 8)),
      packet: echo(fromNeighbour, 'request', 7),
      want: 'passed',
    },
    {
      name: 'ICMP of another type',
      rows: (n) => n.allow('ingress', who, region(protocol.icmp, 8)),
      packet: icmp(fromNeighbour, 13),
      want: 'policyNoRule',
    },
    {
      name: 'ICMPv6 of the type that is allowed',
      rows: (n) => n.allow('ingress', who, region(protocol.icmpv6, 128)),
      packet: echo(fromNeighbour6, 'request', 7),
      want: 'passed',
    },
    {
      name: 'ICMP of IPv4 in IPv6, by a rule about ICMPv6',
      rows: (n) => n.allow('ingress', who, region(protocol.icmpv6)),
      packet: { ...echo(fromNeighbour, 'request', 7), ...fromNeighbour6 },
      want: 'policyNoRule',
    },
    { name: 'IPv6', rows: (n) => n.allow('ingress', who, webTcp), packet: tcp(fromNeighbour6, web), want: 'passed' },
    {
      name: 'IPv6, denied',
      rows: (n) => n.deny('ingress', who),
      packet: tcp(fromNeighbour6, web),
      want: 'policyDenied',
    },
  ];

  it.each(cases)('to the pod: $name → $want', ({ rows, packet = tcp(fromNeighbour, web), want }) => {
    rows(node);
    expect(node.receive(packet)).toBe(want);
  });

  it.each<{ name: string; who: number; to: Addresses; want: Outcome }>([
    { name: 'another pod', who: neighbour.identity, to: toNeighbour, want: 'passed' },
    {
      name: 'another pod, IPv6',
      who: neighbour.identity,
      to: { source: pod.ip6, destination: neighbour.ip6 },
      want: 'passed',
    },
    { name: 'a pod of another cluster', who: remote.identity, to: toRemote, want: 'tunnelled' },
    {
      name: 'one of its addresses that is not known',
      who: 2,
      to: { source: pod.ip, destination: '10.2.0.99' },
      want: 'tunnelled',
    },
    { name: 'its node', who: host.identity, to: { source: pod.ip, destination: host.ip }, want: 'passed' },
    { name: 'the world', who: world.identity, to: { source: pod.ip, destination: world.ip }, want: 'passed' },
    { name: 'the world, IPv6', who: world.identity6, to: { source: pod.ip6, destination: world.ip6 }, want: 'passed' },
    {
      name: 'a link-local address',
      who: world.identity,
      to: { source: pod.ip, destination: '169.254.169.254' },
      want: 'passed',
    },
    { name: 'a group', who: world.identity, to: { source: pod.ip, destination: '239.1.2.3' }, want: 'passed' },
  ])('from the pod: $name is judged by its identity', ({ who: identity, to, want }) => {
    node.isolate('egress');
    expect(node.send(tcp(to, web))).toBe('policyNoRule');
    node.allow('egress', identity, webTcp);
    expect(node.send(tcp(to, web))).toBe(want);
    node.deny('egress', identity);
    node.deny('egress', identity, webTcp);
    expect(node.send(tcp(to, web))).toBe('policyDenied');
  });

  it('from another cluster: by the identity of the address', () => {
    node.isolate('ingress');
    expect(node.arrive(tcp(fromRemote, web))).toBe('policyNoRule');
    node.allow('ingress', remote.identity, webTcp);
    expect(node.arrive(tcp(fromRemote, web))).toBe('delivered');
    expect(node.arrive(tcp(fromRemote, { from: 40_000, to: 81 }))).toBe('policyNoRule');
    node.deny('ingress', remote.identity, webTcp);
    expect(node.arrive(tcp(fromRemote, web))).toBe('policyDenied');
  });

  it('a pod of its own subject is judged by the rows of that, and sends with its identity', () => {
    const subject = 0x0200_0001;
    const row = {
      ifindex: 1,
      identity: 2,
      subject,
      ip: pod.ip,
      mac: '02:00:00:00:00:01',
      hostMac: '02:00:00:00:00:02',
    };
    const before = node.map('ep_ip').lookup(address(pod.ip));
    node.map('ep_ip').update(address(pod.ip), endpoint(row));
    node.allow('egress', anybody);
    expect(node.send(tcp(toRemote, web))).toBe('policyNotReady');
    const holder = { subject, remote: anybody, direction: 'egress' } as const;
    node.map('policy').update(policyKey(holder, everything), new Uint8Array(24));
    node.map('policy_len').update(lengthsKey(holder), Uint8Array.of(1, 0, 0, 0));
    const sent = node.run('test_from_container', frameOf(tcp(toRemote, web)));
    expect(sent.verdict).toBe(7);
    expect(new DataView(sent.data.buffer).getUint32(0, true)).toBe(2);
    node.map('ep_ip').update(address(pod.ip), before ?? new Uint8Array());
  });

  it('a row counts the packets and bytes that it decided', () => {
    node.allow('ingress', neighbour.identity, webTcp);
    for (let i = 0; i < 3; i++) node.receive(tcp(fromNeighbour, web, 'S', 100));
    const holder = { subject: pod.subject, remote: neighbour.identity, direction: 'ingress' } as const;
    const counted = policyPackets(node.map('policy').lookup(policyKey(holder, webTcp)));
    expect(counted).toEqual({ packets: 3, bytes: 3 * (14 + 20 + 20 + 100) });
  });

  it('a length without rows is looked up in vain', () => {
    node.allow('ingress', neighbour.identity, webTcp);
    const holder = { subject: pod.subject, remote: neighbour.identity, direction: 'ingress' } as const;
    node.map('policy_len').update(lengthsKey(holder), Uint8Array.of(0xff, 0xff, 0xff, 0x01));
    expect(node.receive(tcp(fromNeighbour, web))).toBe('passed');
    expect(node.receive(tcp(fromNeighbour, { from: 40_000, to: 81 }))).toBe('policyNoRule');
  });
});

describeKernel('with many rows', () => {
  it('each identity is judged by its own', () => {
    const identities = 5000;
    const first = 200_000;
    using node = new JudgedPod({ scope: 'all', maxEntries: { policy: 2 * identities, policy_len: 2 * identities } });
    for (let i = 0; i < identities; i++) {
      node[i % 3 === 0 ? 'deny' : 'allow']('ingress', first + i, region(protocol.tcp, 80), i);
    }
    node.isolate('ingress');
    for (let i = 0; i < identities; i += 97) {
      node.map('ipc_host').update(hostKey(neighbour.ip), ipcacheEntry(first + i, 0));
      expect(node.receive(tcp(fromNeighbour, web))).toBe(i % 3 === 0 ? 'policyDenied' : 'passed');
      expect(node.receive(tcp(fromNeighbour, { from: 40_000, to: 81 }))).toBe('policyNoRule');
    }
  });
});
