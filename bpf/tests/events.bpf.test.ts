import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel } from './kernel.ts';
import { JudgedPod, neighbour, pod, remote, world } from './judged-pod.ts';
import { anybody, region } from './policy-rows.ts';
import { address } from './records.ts';
import { answerTo, echo, frameOf, fragmentsOf, icmpError, protocol, tcp, udp } from './transport.ts';
import type { Packet } from './transport.ts';

const web = { from: 40_000, to: 80 };
const out = { source: pod.ip, destination: neighbour.ip };
const back = { source: neighbour.ip, destination: pod.ip };
const kind = { drop: 1, newFlow: 2 } as const;
const relation = { flow: 0, answer: 1, related: 2 } as const;

/** struct event of README.md. */
type Told = Readonly<Record<string, unknown>> & { readonly ns: bigint };

function told(record: Uint8Array): Told {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  return {
    size: record.length,
    ns: view.getBigUint64(0, true),
    kind: record[8],
    reason: record[9],
    direction: record[10],
    protocol: record[11],
    ifindex: view.getUint32(12, true),
    sourceIdentity: view.getUint32(16, true),
    destinationIdentity: view.getUint32(20, true),
    source: record.slice(24, 40),
    destination: record.slice(40, 56),
    sourcePort: view.getUint16(56, false),
    policyPort: view.getUint16(58, false),
    bytes: view.getUint32(60, true),
    rule: view.getUint32(64, true),
    tcpFlags: record[68],
    icmpCode: record[69],
    relation: record[70],
    rest: record[71],
  };
}

describeKernel('people are told', () => {
  const made = new DisposableStack();
  let node: JudgedPod;

  beforeAll(() => {
    node = made.use(new JudgedPod({ scope: 'all', rodata: { event_rate: 1_000_000, tunnel_mtu: 1400 } }));
  });
  afterAll(() => made.dispose());
  beforeEach(() => {
    node.clear();
    node.isolate('ingress').isolate('egress');
  });

  function events(): readonly Told[] {
    return node.events().map(told);
  }

  it('of a new flow, once, with all that is known of it', () => {
    node.allow('egress', neighbour.identity, region(protocol.tcp, 80), 17);
    const before = process.hrtime.bigint();
    const packet = tcp(out, web);
    for (let i = 0; i < 3; i++) node.send(packet);
    const [event, ...others] = events();
    expect(others).toEqual([]);
    expect(event).toEqual({
      size: 72,
      ns: expect.anything(),
      kind: kind.newFlow,
      reason: reason.forwarded,
      direction: direction.egress,
      protocol: protocol.tcp,
      ifindex: 1,
      sourceIdentity: pod.subject,
      destinationIdentity: neighbour.identity,
      source: address(pod.ip),
      destination: address(neighbour.ip),
      sourcePort: 40_000,
      policyPort: 80,
      bytes: frameOf(packet).length,
      rule: 17,
      tcpFlags: 0x02,
      icmpCode: 0,
      relation: relation.flow,
      rest: 0,
    });
    expect(event?.ns).toBeGreaterThan(before);
    expect(event?.ns).toBeLessThan(process.hrtime.bigint());
  });

  it('of a packet of another cluster', () => {
    node.allow('ingress', remote.identity, region(protocol.udp), 5);
    node.arrive(udp({ source: remote.ip6, destination: pod.ip6 }, web));
    expect(events()).toMatchObject([
      {
        kind: kind.newFlow,
        direction: direction.ingress,
        sourceIdentity: remote.identity,
        destinationIdentity: pod.subject,
        source: address(remote.ip6),
        destination: address(pod.ip6),
        rule: 5,
      },
    ]);
  });

  it.each<{ name: string; run: (node: JudgedPod) => unknown; want: Readonly<Record<string, unknown>> }>([
    {
      name: 'denied by a rule',
      run: (n) => n.deny('egress', neighbour.identity, region(protocol.udp), 23).send(udp(out, web)),
      want: { reason: reason.policyDenied, rule: 23, policyPort: 80, relation: relation.flow },
    },
    {
      name: 'allowed by no rule',
      run: (n) => n.send(tcp(out, web, 'SA')),
      want: { reason: reason.policyNoRule, rule: 0, tcpFlags: 0x12 },
    },
    {
      name: 'ICMP: type and code',
      run: (n) => n.receive({ ...echo(back, 'request', 9), payload: Uint8Array.of(5, 3, 0, 0, 0, 0, 0, 0) }),
      want: { reason: reason.policyNoRule, policyPort: 5, icmpCode: 3, sourcePort: 0 },
    },
    {
      name: 'an address that is not the pod\u2019s',
      run: (n) => n.send(udp({ source: '10.1.0.77', destination: remote.ip }, web)),
      want: {
        reason: reason.spoofedSource,
        source: address('10.1.0.77'),
        sourceIdentity: 0,
        destinationIdentity: remote.identity,
        policyPort: 80,
      },
    },
    {
      name: 'the wrong node: with the identity that it claims',
      run: (n) => n.arrive(udp({ source: remote.ip, destination: pod.ip }, web), 4711, '203.0.113.9'),
      want: { reason: reason.forgedNode, source: address(remote.ip), sourceIdentity: 4711, destinationIdentity: 0 },
    },
    {
      name: 'the wrong identity',
      run: (n) => n.arrive(udp({ source: remote.ip, destination: pod.ip }, web), 4711),
      want: { reason: reason.identityMismatch, sourceIdentity: 4711 },
    },
    {
      name: 'an address that is nobody\u2019s',
      run: (n) => n.arrive(udp({ source: remote.ip, destination: '10.1.0.99' }, web)),
      want: { reason: reason.unknownEndpoint, sourceIdentity: remote.identity, destination: address('10.1.0.99') },
    },
    {
      name: 'a fragment without its first',
      run: (n) => n.receive(fragmentsOf(udp(back, web, 64))[1]),
      want: { reason: reason.fragmentUnknown, source: address(neighbour.ip), protocol: protocol.udp, policyPort: 0 },
    },
    {
      name: 'a packet that does not fit',
      run: (n) => {
        n.allow('egress', anybody, region(), 6);
        const large = udp({ source: pod.ip6, destination: remote.ip6 }, web, 1500);
        return n.send(large);
      },
      want: { reason: reason.tooBig, bytes: 14 + 40 + 8 + 1500, destinationIdentity: remote.identity },
    },
  ])('of a drop: $name', ({ run, want }) => {
    run(node);
    expect(events()).toMatchObject([{ kind: kind.drop, ...want }]);
  });

  it.each<{ name: string; packet: Packet; relation: number; port: number }>([
    { name: 'an answer', packet: answerTo(udp(out, web)), relation: relation.answer, port: 40_000 },
    {
      name: 'an error about it',
      packet: icmpError({ source: world.ip, destination: pod.ip }, udp(out, web)),
      relation: relation.related,
      port: 3,
    },
  ])('of $name that is dropped, with the rule that its flow was judged by', ({ packet, relation: how, port }) => {
    node.allow('egress', neighbour.identity);
    node.send(udp(out, web));
    node.deny('egress', neighbour.identity, region(), 31);
    node.events();
    node.receive(packet);
    expect(events()).toMatchObject([
      {
        kind: kind.drop,
        reason: reason.policyDenied,
        direction: direction.ingress,
        rule: 31,
        relation: how,
        policyPort: port,
      },
    ]);
  });

  it('of nothing that answers what they were told of', () => {
    node.allow('egress', anybody);
    node.send(udp(out, web));
    node.events();
    node.receive(answerTo(udp(out, web)));
    node.send(udp(out, web));
    expect(events()).toEqual([]);
  });
});

describeKernel('people are told no more than they can read', () => {
  it('so many events a second; the rest is counted', () => {
    using node = new JudgedPod({ scope: 'all', rodata: { event_rate: 10 } });
    for (let i = 0; i < 500; i++) node.receive(udp(back, { from: i, to: 80 }));
    const { length } = node.events();
    const lost = countOf(node.map('metrics'), reason.eventLost, direction.ingress);
    expect(length).toBeGreaterThanOrEqual(10);
    expect(length + lost).toBe(500);
    expect(lost).toBeGreaterThan(0);
  });

  it('when nobody reads, packets go on and what is not told is counted', () => {
    using node = new JudgedPod({ scope: 'all', rodata: { event_rate: 1_000_000 } });
    node.allow('ingress', anybody);
    const room = (1 << 20) / 80;
    for (let i = 0; i < room + 100; i++) node.run('mesh_to_container', frameOf(udp(back, { from: i, to: 80 })));
    const lost = countOf(node.map('metrics'), reason.eventLost, direction.ingress);
    expect(lost).toBeGreaterThan(0);
    expect(node.events().length + lost).toBe(Math.ceil(room + 100));
    expect(node.receive(udp(back, { from: 1, to: 81 }))).toBe('passed');
  });

  it('nothing where policy judges nobody', () => {
    using node = new JudgedPod({ scope: 'none' });
    node.send(udp({ source: '10.1.0.77', destination: remote.ip }, web));
    node.arrive(udp({ source: remote.ip, destination: pod.ip }, web));
    expect(node.events()).toEqual([]);
    expect(countOf(node.map('metrics'), reason.eventLost, direction.egress)).toBe(0);
  });
});
