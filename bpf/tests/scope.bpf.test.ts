import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeKernel } from './kernel.ts';
import { JudgedPod, host, neighbour, pod, remote, world } from './judged-pod.ts';
import type { Outcome, scope } from './judged-pod.ts';
import { ipFrame } from './packets.ts';
import { anybody } from './policy-rows.ts';
import { address, cidrKey, hostKey, ipcacheEntry } from './records.ts';
import { icmp, tcp } from './transport.ts';
import type { Addresses, Packet } from './transport.ts';

const web = { from: 40_000, to: 80 };
const to = (destination: string): Addresses => ({ source: destination.includes(':') ? pod.ip6 : pod.ip, destination });
const from = (source: string): Addresses => ({ source, destination: source.includes(':') ? pod.ip6 : pod.ip });
const linkLocal = 'fe80::aa';
const gateway = 'fe80::1';
const allNodes = 'ff02::1';

type Scope = keyof typeof scope;

/** No policy is known of the pod: what is judged is dropped. */
function judges(which: Scope): void {
  const made = new DisposableStack();
  let node: JudgedPod;

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: which }));
  });
  afterAll(() => made.dispose());

  interface Case {
    readonly name: string;
    readonly packet: Packet;
    readonly want: Readonly<Record<Scope, Outcome>>;
  }

  const passed = { none: 'passed', mesh: 'passed', all: 'passed' } as const;
  const local = { ...passed, all: 'policyNotReady' } as const;

  it.each<Case>([
    {
      name: 'to a pod of another cluster',
      packet: tcp(to(remote.ip), web),
      want: { none: 'tunnelled', mesh: 'policyNotReady', all: 'policyNotReady' },
    },
    {
      name: 'to one over IPv6',
      packet: tcp(to(remote.ip6), web),
      want: { none: 'tunnelled', mesh: 'policyNotReady', all: 'policyNotReady' },
    },
    { name: 'to a pod of the node', packet: tcp(to(neighbour.ip), web), want: local },
    { name: 'to the node', packet: tcp(to(host.ip), web), want: local },
    { name: 'to the world', packet: tcp(to(world.ip), web), want: local },
    { name: 'to a link-local service', packet: tcp(to('169.254.169.254'), web), want: local },
    { name: 'to a group', packet: tcp(to('224.0.0.251'), web), want: local },
    { name: 'to a neighbour of the link', packet: tcp(to(gateway), web), want: local },
    {
      name: 'from an address that is not the pod\u2019s',
      packet: tcp({ source: '10.1.0.77', destination: world.ip }, web),
      want: { ...passed, all: 'spoofedSource' },
    },
    {
      name: 'from another pod\u2019s address',
      packet: tcp({ source: neighbour.ip, destination: world.ip }, web),
      want: { ...passed, all: 'spoofedSource' },
    },
    {
      name: 'from an address of the link',
      packet: tcp({ source: linkLocal, destination: world.ip6 }, web),
      want: local,
    },
    {
      name: 'from no address yet',
      packet: tcp({ source: '0.0.0.0', destination: '255.255.255.255' }, web),
      want: local,
    },
    {
      name: 'to another cluster from an address of the link',
      packet: tcp({ source: linkLocal, destination: remote.ip6 }, web),
      want: { none: 'spoofedSource', mesh: 'spoofedSource', all: 'spoofedSource' },
    },
    {
      name: 'asking who has an address',
      packet: { ...icmp({ source: pod.ip6, destination: 'ff02::1:ff00:1' }, 135), hopLimit: 255 },
      want: passed,
    },
    {
      name: 'asking a neighbour whether he is there',
      packet: { ...icmp(to('fd00:10:1::1'), 135), hopLimit: 255 },
      want: passed,
    },
    { name: 'saying that it is there', packet: { ...icmp(to('fd00:10:1::1'), 136), hopLimit: 255 }, want: passed },
    {
      name: 'before it has an address',
      packet: { ...icmp({ source: '::', destination: allNodes }, 135), hopLimit: 255 },
      want: passed,
    },
    {
      name: 'joining a group',
      packet: { ...icmp({ source: linkLocal, destination: 'ff02::16' }, 143), hopLimit: 1 },
      want: passed,
    },
    { name: 'neighbour discovery that is not of the link', packet: icmp(to(world.ip6), 135), want: local },
    { name: 'pinging a neighbour of the link', packet: { ...icmp(to(gateway), 128), hopLimit: 255 }, want: local },
    {
      name: 'IPv4 dressed as IPv6',
      packet: tcp({ source: '::ffff:a01:2', destination: '::ffff:a02:5' }, web),
      want: { ...passed, all: 'unsupportedProtocol' },
    },
  ])('from the pod: $name → $want', ({ packet, want }) => {
    expect(node.send(packet)).toBe(want[which]);
  });

  const forged = { none: 'passed', mesh: 'forgedNode', all: 'forgedNode' } as const;

  it.each<Case>([
    { name: 'from a pod of the node', packet: tcp(from(neighbour.ip), web), want: local },
    { name: 'from one over IPv6', packet: tcp(from(neighbour.ip6), web), want: local },
    { name: 'from the node', packet: tcp(from(host.ip), web), want: local },
    { name: 'from the world', packet: tcp(from(world.ip), web), want: local },
    {
      name: 'in the name of a pod of another cluster, beside the tunnel',
      packet: tcp(from(remote.ip), web),
      want: forged,
    },
    { name: 'the same over IPv6', packet: tcp(from(remote.ip6), web), want: forged },
    {
      name: 'from an address of another cluster that is nobody\u2019s',
      packet: tcp(from('10.2.0.99'), web),
      want: local,
    },
    {
      name: 'to an address that is not the pod\u2019s',
      packet: tcp({ source: world.ip, destination: neighbour.ip }, web),
      want: { ...passed, all: 'unknownEndpoint' },
    },
    { name: 'to a group', packet: tcp({ source: host.ip, destination: '224.0.0.251' }, web), want: local },
    {
      name: 'a router that is there',
      packet: { ...icmp({ source: gateway, destination: allNodes }, 134), hopLimit: 255 },
      want: passed,
    },
    {
      name: 'a neighbour who is asked',
      packet: { ...icmp({ source: gateway, destination: pod.ip6 }, 136), hopLimit: 255 },
      want: passed,
    },
  ])('to the pod: $name → $want', ({ packet, want }) => {
    expect(node.receive(packet)).toBe(want[which]);
  });

  it('from another cluster, through the tunnel', () => {
    const want = { none: 'delivered', mesh: 'policyNotReady', all: 'policyNotReady' } as const;
    expect(node.arrive(tcp({ source: remote.ip, destination: pod.ip }, web))).toBe(want[which]);
  });

  it('what is not IP is nobody\u2019s', () => {
    const arp = ipFrame({ source: pod.ip, destination: neighbour.ip, etherType: 0x0806 });
    for (const program of ['mesh_from_container', 'mesh_to_container']) expect(node.run(program, arp).verdict).toBe(-1);
  });

  it('what nobody judges leaves no flow behind', () => {
    node.allow('egress', anybody).allow('ingress', anybody);
    node.send(tcp(to(neighbour.ip), web));
    node.receive(tcp(from(world.ip), web));
    expect([...node.map('ct').entries()].length).toBe(which === 'all' ? 2 : 0);
    node.clear();
  });
}

for (const which of ['none', 'mesh', 'all'] as const) describeKernel(`policy scope ${which}`, () => judges(which));

describeKernel('who sends through the tunnel', () => {
  const made = new DisposableStack();
  let node: JudgedPod;
  const network = 0x0100_0003;
  const fromRemote = tcp({ source: remote.ip, destination: pod.ip }, web);
  const fromUnpublished = tcp({ source: '10.2.0.99', destination: pod.ip }, web);

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: 'mesh' }));
  });
  afterAll(() => made.dispose());
  beforeEach(() => {
    node.clear();
    node.map('ipc_host').update(hostKey(remote.ip), ipcacheEntry(remote.identity, 1));
    node.map('ipc_cidr').update(cidrKey('10.2.0.0', 16), ipcacheEntry(2, 1));
  });

  it.each<{ name: string; entry: number; vni: number; want: Outcome }>([
    { name: 'the identity of the address', entry: remote.identity, vni: remote.identity, want: 'delivered' },
    { name: 'another identity', entry: remote.identity, vni: remote.identity + 1, want: 'identityMismatch' },
    { name: 'the world, in the name of a pod', entry: remote.identity, vni: 2, want: 'identityMismatch' },
    { name: 'a node that serves the API', entry: 7, vni: 6, want: 'delivered' },
    { name: 'a node that does not serve the API', entry: 6, vni: 7, want: 'identityMismatch' },
    { name: 'another node\u2019s host', entry: 6, vni: 1, want: 'identityMismatch' },
    { name: 'the world of a cluster with one family', entry: 10, vni: 2, want: 'delivered' },
    { name: 'a network that only this node has a number for', entry: network, vni: 2, want: 'delivered' },
    { name: 'the number itself of such a network', entry: remote.identity, vni: network, want: 'identityMismatch' },
    { name: 'a pod from an address of such a network', entry: network, vni: remote.identity, want: 'identityMismatch' },
  ])('$name ($vni for $entry): $want', ({ entry, vni, want }) => {
    node.map('ipc_host').update(hostKey(remote.ip), ipcacheEntry(entry, 1));
    node.isolate('ingress').allow('ingress', entry);
    expect(node.arrive(fromRemote, vni)).toBe(want);
  });

  it('a network that a policy names counts as that, not as the world', () => {
    node.map('ipc_cidr').update(cidrKey('10.2.0.96', 28), ipcacheEntry(network, 1));
    node.allow('ingress', 2).deny('ingress', network);
    expect(node.arrive(fromUnpublished, 2)).toBe('policyDenied');
    node.map('ipc_cidr').delete(cidrKey('10.2.0.96', 28));
    expect(node.arrive(fromUnpublished, 2)).toBe('delivered');
  });

  it('no policy is asked about who cannot be who it says', () => {
    node.allow('ingress', anybody);
    expect(node.arrive(fromRemote, remote.identity, '203.0.113.9')).toBe('forgedNode');
    expect(node.arrive(fromRemote, remote.identity + 1)).toBe('identityMismatch');
    expect([...node.map('ct').entries()]).toEqual([]);
    expect(node.map('ep_ip').lookup(address(pod.ip))).toBeDefined();
  });
});
