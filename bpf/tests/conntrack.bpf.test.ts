import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeKernel } from './kernel.ts';
import { JudgedPod, neighbour, pod, remote } from './judged-pod.ts';
import { anybody, region } from './policy-rows.ts';
import { address } from './records.ts';
import type { PolicyDirection, Region } from './records.ts';
import { answerTo, bare, echo, protocol, sctp, tcp, udp } from './transport.ts';
import type { Packet } from './transport.ts';

const out = { source: pod.ip, destination: neighbour.ip };
const out6 = { source: pod.ip6, destination: neighbour.ip6 };
const back = { source: neighbour.ip, destination: pod.ip };
const back6 = { source: neighbour.ip6, destination: pod.ip6 };
const web = { from: 40_000, to: 80 };
const webBack = { from: 80, to: 40_000 };

const ns = 1_000_000_000n;

describeKernel('flows', () => {
  const made = new DisposableStack();
  let node: JudgedPod;

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: 'all' }));
  });
  afterAll(() => made.dispose());
  beforeEach(() => {
    node.clear();
    for (const way of ['ingress', 'egress'] as const) node.isolate(way);
  });

  /** The only flow that is known. */
  function flow(): { state: string; seen: number; lifetimeS: number; direction: number; ports: number[] } {
    const [[key, value] = [], ...others] = [...node.map('ct').entries()];
    if (key === undefined || value === undefined || others.length > 0) throw new Error('not one flow is known');
    const view = new DataView(value.buffer, value.byteOffset);
    const ports = new DataView(key.buffer, key.byteOffset);
    const lifetime = view.getBigUint64(0, true) - process.hrtime.bigint();
    return {
      state: ['new', 'established', 'closing'][view.getUint32(8, true)] ?? '?',
      seen: view.getUint32(12, true),
      lifetimeS: Math.ceil(Number(lifetime) / Number(ns)),
      direction: key[37] ?? 0,
      ports: [ports.getUint16(32, false), ports.getUint16(34, false)],
    };
  }

  function flows(): number {
    return [...node.map('ct').entries()].length;
  }

  /** As if so much time had gone by for what is known. */
  function age(seconds: bigint): void {
    for (const [key, value] of [...node.map('ct').entries()]) {
      const view = new DataView(value.buffer, value.byteOffset);
      view.setBigUint64(0, view.getBigUint64(0, true) - seconds * ns, true);
      node.map('ct').update(key, value);
    }
  }

  function pass(way: PolicyDirection, packet: Packet): string {
    return way === 'egress' ? node.send(packet) : node.receive(packet);
  }

  const opposite = { egress: 'ingress', ingress: 'egress' } as const;

  const kinds: readonly { name: string; at: Region; make: (way: PolicyDirection) => Packet }[] = [
    { name: 'TCP', at: region(protocol.tcp, 80), make: (way) => tcp(way === 'egress' ? out : back, web) },
    { name: 'TCP over IPv6', at: region(protocol.tcp, 80), make: (way) => tcp(way === 'egress' ? out6 : back6, web) },
    { name: 'UDP', at: region(protocol.udp, 80), make: (way) => udp(way === 'egress' ? out : back, web) },
    { name: 'UDP over IPv6', at: region(protocol.udp, 80), make: (way) => udp(way === 'egress' ? out6 : back6, web) },
    { name: 'SCTP', at: region(protocol.sctp, 80), make: (way) => sctp(way === 'egress' ? out : back, web) },
    { name: 'a protocol without ports', at: region(47), make: (way) => bare(way === 'egress' ? out : back, 47) },
    { name: 'ping', at: region(protocol.icmp, 8), make: (way) => echo(way === 'egress' ? out : back, 'request', 9) },
    {
      name: 'ping over IPv6',
      at: region(protocol.icmpv6, 128),
      make: (way) => echo(way === 'egress' ? out6 : back6, 'request', 9),
    },
  ];
  const both = kinds.flatMap((kind) => [
    { ...kind, way: 'egress' as const },
    { ...kind, way: 'ingress' as const },
  ]);

  it.each(both)('$name, $way: answers pass, though nothing else is allowed that way', ({ at, make, way }) => {
    const packet = make(way);
    node.allow(way, neighbour.identity, at);
    expect(pass(opposite[way], answerTo(packet))).toBe('policyNoRule');
    expect(pass(way, packet)).toBe('passed');
    expect(pass(opposite[way], answerTo(packet))).toBe('passed');
    expect(flows()).toBe(1);
  });

  it.each(both)('$name, $way: a deny that comes later stops both ways at once, an allow heals it', ({ make, way }) => {
    const packet = make(way);
    const answer = answerTo(packet, 'A');
    node.allow(way, neighbour.identity);
    pass(way, packet);
    expect(pass(opposite[way], answer)).toBe('passed');
    node.deny(way, neighbour.identity);
    expect(pass(way, packet)).toBe('policyDenied');
    expect(pass(opposite[way], answer)).toBe('policyDenied');
    node.allow(way, neighbour.identity);
    expect(pass(opposite[way], answer)).toBe('passed');
    expect(pass(way, packet)).toBe('passed');
  });

  it.each([
    { name: 'another port of who answers', packet: tcp(back, { from: 81, to: 40_000 }, 'SA') },
    { name: 'another port of who asked', packet: tcp(back, { from: 80, to: 40_001 }, 'SA') },
    { name: 'another protocol', packet: udp(back, webBack) },
    { name: 'another address', packet: tcp({ source: remote.ip, destination: pod.ip }, webBack, 'SA') },
    { name: 'a connection of its own, between the same ports', packet: tcp(back, webBack, 'S') },
  ])('$name is no answer', ({ packet }) => {
    node.allow('egress', anybody);
    expect(node.send(tcp(out, web))).toBe('passed');
    const said = packet.source === remote.ip ? node.arrive(packet) : node.receive(packet);
    expect(said).toBe('policyNoRule');
  });

  it('an answer that another pod of the node waits for is none to this one', () => {
    node.allow('egress', anybody);
    node.send(udp(out, web));
    const [[key, value] = []] = [...node.map('ct').entries()];
    if (key === undefined || value === undefined) throw new Error('no flow is known');
    node.clear();
    node.isolate('ingress');
    key.set(address('10.1.0.9'), 0);
    node.map('ct').update(key, value);
    expect(node.receive(udp(back, webBack))).toBe('policyNoRule');
  });

  it.each([
    { name: 'a reply that nobody asked for', packet: echo(back, 'reply', 9), type: 0 },
    { name: 'a request with the id of one that was sent', packet: echo(back, 'request', 9), type: 8 },
  ])('ICMP: $name is judged by its own type', ({ packet, type }) => {
    node.allow('egress', anybody, region(protocol.icmp, 8));
    if (type === 8) expect(node.send(echo(out, 'request', 9))).toBe('passed');
    expect(node.receive(packet)).toBe('policyNoRule');
    node.allow('ingress', anybody, region(protocol.icmp, type));
    expect(node.receive(packet)).toBe('passed');
  });

  it('ICMP that belongs to no flow makes none: what is allowed one way says nothing of the other', () => {
    node.allow('egress', anybody);
    expect(node.send({ ...echo(out, 'request', 9), payload: Uint8Array.of(13, 0, 0, 0, 0, 0, 0, 0) })).toBe('passed');
    expect(flows()).toBe(0);
    expect(node.receive({ ...echo(back, 'request', 9), payload: Uint8Array.of(17, 0, 0, 0, 0, 0, 0, 0) })).toBe(
      'policyNoRule',
    );
  });

  it('a TCP connection goes from new to established, and by both ends to closing', () => {
    node.allow('egress', anybody);
    const steps = [
      { packet: tcp(out, web, 'S'), want: { state: 'new', lifetimeS: 60 } },
      { packet: tcp(out, web, 'S'), want: { state: 'new', lifetimeS: 60 } },
      { packet: tcp(back, webBack, 'SA'), want: { state: 'new', lifetimeS: 60 } },
      { packet: tcp(out, web, 'A'), want: { state: 'established', lifetimeS: 8000 } },
      { packet: tcp(back, webBack, 'PA'), want: { state: 'established', lifetimeS: 8000 } },
      { packet: tcp(out, web, 'FA'), want: { state: 'established', lifetimeS: 8000 } },
      { packet: tcp(back, webBack, 'PA'), want: { state: 'established', lifetimeS: 8000 } },
      { packet: tcp(back, webBack, 'FA'), want: { state: 'closing', lifetimeS: 10 } },
      { packet: tcp(out, web, 'A'), want: { state: 'closing', lifetimeS: 10 } },
      { packet: tcp(out, web, 'S'), want: { state: 'new', lifetimeS: 60 } },
    ];
    for (const { packet, want } of steps) {
      expect(packet.source === pod.ip ? node.send(packet) : node.receive(packet)).toBe('passed');
      expect(flow()).toMatchObject({ ...want, direction: 2, ports: [40_000, 80] });
    }
  });

  it('a connection that was never answered is not kept up by who began it', () => {
    node.allow('egress', anybody);
    for (const flags of ['S', 'A', 'PA']) node.send(tcp(out, web, flags));
    expect(flow()).toMatchObject({ state: 'new', lifetimeS: 60, seen: 0 });
  });

  it('a reset ends it for both', () => {
    node.allow('egress', anybody);
    node.send(tcp(out, web, 'S'));
    node.receive(tcp(back, webBack, 'RA'));
    expect(flow()).toMatchObject({ state: 'closing', lifetimeS: 10 });
  });

  it('UDP lasts a minute after its last packet', () => {
    node.allow('egress', anybody);
    node.send(udp(out, web));
    expect(flow()).toMatchObject({ state: 'new', lifetimeS: 60 });
    age(30n);
    expect(node.receive(udp(back, webBack))).toBe('passed');
    expect(flow()).toMatchObject({ state: 'established', lifetimeS: 60 });
  });

  it('what has expired is not known any more, and may begin again', () => {
    node.allow('egress', anybody);
    node.send(udp(out, web));
    age(61n);
    expect(node.receive(udp(back, webBack))).toBe('policyNoRule');
    expect(node.send(udp(out, web))).toBe('passed');
    expect(node.receive(udp(back, webBack))).toBe('passed');
    expect(flow()).toMatchObject({ lifetimeS: 60 });
  });

  it.each(['R', 'RA', 'F', 'FA', 'SA', 'SF', 'SR'])('TCP with %s begins nothing, allowed or not', (flags) => {
    expect(node.send(tcp(out, web, flags))).toBe('policyNoRule');
    node.allow('egress', anybody);
    node.send(tcp(out, web, flags));
    expect(flows()).toBe(0);
    expect(node.receive(tcp(back, webBack, 'A'))).toBe('policyNoRule');
  });

  it('a connection that was forgotten goes on when who began it sends', () => {
    node.allow('egress', anybody, region(protocol.tcp, 80));
    expect(node.receive(tcp(back, webBack, 'PA'))).toBe('policyNoRule');
    expect(node.send(tcp(out, web, 'PA'))).toBe('passed');
    expect(node.receive(tcp(back, webBack, 'PA'))).toBe('passed');
    node.send(tcp(out, web, 'A'));
    expect(flow()).toMatchObject({ state: 'established' });
  });

  it.each(['PA', 'A', 'SA', 'FA'])(
    'a forgotten connection that is denied is not kept up by the other side, which may send anything: %s',
    (flags) => {
      node.allow('egress', anybody);
      expect(node.send(tcp(out, webBack, flags))).toBe('policyNoRule');
      node.allow('ingress', neighbour.identity, region(protocol.tcp, 80));
      expect(node.send(tcp(out, webBack, flags))).toBe('passed');
      expect(flows()).toBe(0);
    },
  );

  it('a SYN is judged as new, and what it begins takes the place of what was there', () => {
    node.allow('egress', anybody);
    node.send(tcp(out, web, 'S'));
    node.allow('ingress', anybody);
    expect(node.receive(tcp(back, webBack, 'S'))).toBe('passed');
    expect(flow()).toMatchObject({ direction: 1, ports: [80, 40_000] });
    node.deny('ingress', anybody);
    expect(node.receive(tcp(back, webBack, 'A'))).toBe('policyDenied');
    expect(node.send(tcp(out, web, 'A'))).toBe('policyDenied');
  });

  it('a flow that is denied is not remembered', () => {
    node.send(tcp(out, web));
    node.receive(udp(back, web));
    expect(flows()).toBe(0);
  });

  it('a pod of another cluster answers through the tunnel', () => {
    const asked = tcp({ source: pod.ip, destination: remote.ip }, web);
    node.allow('egress', remote.identity);
    expect(node.arrive(answerTo(asked))).toBe('policyNoRule');
    expect(node.send(asked)).toBe('tunnelled');
    expect(node.arrive(answerTo(asked))).toBe('delivered');
    node.deny('egress', remote.identity);
    expect(node.arrive(answerTo(asked, 'A'))).toBe('policyDenied');
  });
});

describeKernel('more flows than there is room for', () => {
  it('push out those that nobody has used; they begin again', () => {
    using node = new JudgedPod({ scope: 'all', maxEntries: { ct: 128 } });
    node.allow('egress', anybody);
    node.isolate('ingress');
    for (let i = 0; i < 1000; i++) expect(node.send(udp(out, { from: 10_000 + i, to: 53 }))).toBe('passed');
    expect([...node.map('ct').entries()].length).toBeLessThanOrEqual(128);
    expect(node.receive(udp(back, { from: 53, to: 10_000 }))).toBe('policyNoRule');
    expect(node.send(udp(out, { from: 10_000, to: 53 }))).toBe('passed');
    expect(node.receive(udp(back, { from: 53, to: 10_000 }))).toBe('passed');
  });
});
