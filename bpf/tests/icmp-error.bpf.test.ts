import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeKernel } from './kernel.ts';
import { JudgedPod, neighbour, pod, remote, world } from './judged-pod.ts';
import { anybody, region } from './policy-rows.ts';
import { address } from './records.ts';
import { answerTo, bare, echo, fragmentsOf, icmpError, protocol, sctp, tcp, udp } from './transport.ts';
import type { Addresses, Packet } from './transport.ts';

const web = { from: 40_000, to: 80 };
const out = { source: pod.ip, destination: neighbour.ip };
const out6 = { source: pod.ip6, destination: neighbour.ip6 };
const back = { source: neighbour.ip, destination: pod.ip };
const back6 = { source: neighbour.ip6, destination: pod.ip6 };
/** On the way to the neighbour. */
const router = { source: world.ip, destination: pod.ip };
const router6 = { source: world.ip6, destination: pod.ip6 };

describeKernel('ICMP errors', () => {
  const made = new DisposableStack();
  let node: JudgedPod;

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: 'all' }));
  });
  afterAll(() => made.dispose());
  beforeEach(() => {
    node.clear();
    node.isolate('ingress').isolate('egress');
  });

  const flows: readonly { name: string; sent: Packet; from: Addresses }[] = [
    { name: 'TCP', sent: tcp(out, web), from: router },
    { name: 'UDP', sent: udp(out, web), from: router },
    { name: 'SCTP', sent: sctp(out, web), from: router },
    { name: 'ping', sent: echo(out, 'request', 9), from: router },
    { name: 'a protocol without ports', sent: bare(out, 47), from: router },
    { name: 'TCP over IPv6', sent: tcp(out6, web), from: router6 },
    { name: 'ping over IPv6', sent: echo(out6, 'request', 9), from: router6 },
  ];

  it.each(flows)('about $name that the pod sent comes to it, from whoever says so', ({ sent, from }) => {
    node.allow('egress', neighbour.identity);
    expect(node.receive(icmpError(from, sent))).toBe('policyNoRule');
    expect(node.send(sent)).toBe('passed');
    expect(node.receive(icmpError(from, sent))).toBe('passed');
  });

  it.each(flows)('about $name: a deny that comes later stops them too', ({ sent, from }) => {
    node.allow('egress', neighbour.identity);
    node.send(sent);
    node.deny('egress', neighbour.identity);
    expect(node.receive(icmpError(from, sent))).toBe('policyDenied');
    node.allow('egress', neighbour.identity);
    expect(node.receive(icmpError(from, sent))).toBe('passed');
  });

  it.each([
    { name: 'what the pod answered', asked: tcp(back, web), from: router },
    { name: 'what the pod answered, IPv6', asked: udp(back6, web), from: router6 },
    { name: 'an answered ping', asked: echo(back, 'request', 9), from: router },
  ])('about $name come to it', ({ asked, from }) => {
    node.allow('ingress', neighbour.identity);
    const answer = answerTo(asked);
    expect(node.receive(icmpError(from, answer))).toBe('policyNoRule');
    node.receive(asked);
    expect(node.receive(icmpError(from, answer))).toBe('passed');
  });

  it.each([
    { name: 'what came to it', asked: udp(back, web), to: out },
    { name: 'what came to it, IPv6', asked: udp(back6, web), to: out6 },
  ])('that the pod sends about $name go', ({ asked, to }) => {
    node.allow('ingress', neighbour.identity);
    expect(node.send(icmpError(to, asked))).toBe('policyNoRule');
    node.receive(asked);
    expect(node.send(icmpError(to, asked))).toBe('passed');
    node.deny('ingress', neighbour.identity);
    expect(node.send(icmpError(to, asked))).toBe('policyDenied');
  });

  it.each([
    { name: 'to another port', about: udp(out, { from: 40_000, to: 81 }) },
    { name: 'of another protocol', about: tcp(out, web) },
    { name: 'that somebody else sent', about: udp({ ...out, source: '10.1.0.9' }, web) },
    { name: 'that came to it', about: udp(back, { from: 80, to: 40_000 }) },
  ])('about a packet $name are nothing to the pod', ({ about }) => {
    node.allow('egress', anybody);
    node.send(udp(out, web));
    expect(node.receive(icmpError(router, about))).toBe('policyNoRule');
  });

  /** As if what is known of the pod were of its neighbour. */
  function giveToNeighbour(at: 0 | 16): void {
    for (const [key, value] of [...node.map('ct').entries()]) {
      node.map('ct').delete(key);
      key.set(address(neighbour.ip), at);
      node.map('ct').update(key, value);
    }
  }

  it('about what another pod of the node sent are nothing to this one', () => {
    const sent = udp({ source: pod.ip, destination: world.ip }, web);
    node.allow('egress', anybody);
    node.send(sent);
    giveToNeighbour(0);
    expect(node.receive(icmpError(router, { ...sent, source: neighbour.ip }))).toBe('policyNoRule');
  });

  it('about what came to another pod of the node are not for this one to send', () => {
    const came = udp({ source: world.ip, destination: pod.ip }, web);
    node.allow('ingress', anybody);
    node.receive(came);
    giveToNeighbour(16);
    const error = icmpError({ source: pod.ip, destination: world.ip }, { ...came, destination: neighbour.ip });
    expect(node.send(error)).toBe('policyNoRule');
  });

  it.each([
    { name: 'too little of it', bytes: 3 },
    { name: 'nothing of it', bytes: 0 },
  ])('that quote $name are about nothing, and judged by their type', ({ bytes }) => {
    node.allow('egress', anybody);
    const sent = udp(out, web);
    node.send(sent);
    expect(node.receive(icmpError(router, sent, bytes))).toBe('policyNoRule');
    node.allow('ingress', anybody, region(protocol.icmp, 3));
    expect(node.receive(icmpError(router, sent, bytes))).toBe('passed');
  });

  it.each([
    { name: 'the first fragment', nth: 0 },
    { name: 'a later one, whose ports the first had', nth: 1 },
  ] as const)('about $name of what the pod sent come to it', ({ nth }) => {
    node.allow('egress', neighbour.identity);
    const parts = fragmentsOf(udp(out, web, 64));
    for (const part of parts) node.send(part);
    expect(node.receive(icmpError(router, parts[nth]))).toBe('passed');
    node.map('frag').delete([...node.map('frag').entries()][0]?.[0] ?? new Uint8Array());
    expect(node.receive(icmpError(router, parts[nth]))).toBe(nth === 0 ? 'passed' : 'policyNoRule');
  });

  it('come through the tunnel, from another address than the packet went to', () => {
    const sent = udp({ source: pod.ip, destination: remote.ip }, web);
    node.allow('egress', remote.identity);
    node.send(sent);
    const error = icmpError({ source: '10.2.0.99', destination: pod.ip }, sent);
    expect(node.arrive(error, 2)).toBe('delivered');
    node.deny('egress', remote.identity);
    expect(node.arrive(error, 2)).toBe('policyDenied');
  });

  it('keep no flow alive', () => {
    node.allow('egress', anybody);
    const sent = udp(out, web);
    node.send(sent);
    const before = [...node.map('ct').entries()];
    node.receive(icmpError(router, sent));
    expect([...node.map('ct').entries()]).toEqual(before);
  });
});
