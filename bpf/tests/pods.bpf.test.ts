import { execFile, execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connectNetns } from '@clustermesh/testkit';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, testBpffs } from './kernel.ts';
import { MeshNode, type MeshNodeOptions } from './mesh-node.ts';
import { PodPeer } from './pod-peer.ts';
import { PolicyRows, anybody, region } from './policy-rows.ts';
import { protocol } from './transport.ts';

// Namespaces and processes on a busy machine.
jest.setTimeout(60_000);

const port = 8080;
/** How long to wait for what shall not come: that it was dropped, the counters tell. */
const refusedMs = 600;

const cluster = (id: number): Omit<MeshNodeOptions, 'name' | 'bpffs' | 'underlay'> => ({
  clusterId: id,
  podIp: `10.${id}.0.2`,
  podIp6: `fd00:10:${id}::2`,
  podIdentity: id * 65_536 + 4,
});

interface PairOptions {
  readonly underlays: readonly [string, string];
  readonly underlayMtu: number;
  readonly podMtu: number;
  readonly tunnelMtu?: number;
}

/** A pod in each of two clusters that serves and talks, at policy scope mesh. */
class PodPair implements AsyncDisposable {
  readonly #made = new AsyncDisposableStack();
  readonly east: MeshNode;
  readonly west: MeshNode;
  readonly eastPeer: PodPeer;
  readonly westPeer: PodPeer;

  constructor(name: string, { underlays, underlayMtu, podMtu, tunnelMtu = 0 }: PairOptions) {
    const { path: bpffs } = this.#made.use(testBpffs());
    const [eastUnderlay, westUnderlay] = underlays;
    const common = { bpffs, podMtu };
    this.east = this.#made.use(new MeshNode({ ...common, ...cluster(1), name: `${name}e`, underlay: eastUnderlay }));
    this.west = this.#made.use(new MeshNode({ ...common, ...cluster(2), name: `${name}w`, underlay: westUnderlay }));
    const length = eastUnderlay.includes(':') ? '/32 nodad' : '/16';
    connectNetns(this.east.netns, this.west.netns, 'under0', [`${eastUnderlay}${length}`, `${westUnderlay}${length}`]);
    for (const node of [this.east, this.west]) {
      node.netns.ip(`link set under0 mtu ${underlayMtu}`);
      node.attach({ policyScope: 1, tunnelMtu });
    }
    this.east.learn(this.west, 1);
    this.west.learn(this.east, 1);
    this.eastPeer = this.#made.use(new PodPeer(this.east.pod));
    this.westPeer = this.#made.use(new PodPeer(this.west.pod));
  }

  rows(node: MeshNode): PolicyRows {
    return new PolicyRows((name) => node.map(name), node.options.podIdentity);
  }

  /** Everybody may speak to everybody. */
  open(): void {
    for (const node of [this.east, this.west]) {
      this.rows(node).clear().allow('ingress', anybody).allow('egress', anybody);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#made.disposeAsync();
  }
}

/** Does an answer to a ping come back? */
function pings(node: MeshNode, to: string): Promise<boolean> {
  const [file = '', ...args] = node.pod.command(['ping', '-c', '1', '-W', '1', to]);
  return new Promise((resolve) => execFile(file, args, (error) => resolve(error === null)));
}

const families = [
  { family: 'IPv4', to: '10.2.0.2', icmp: region(protocol.icmp, 8) },
  { family: 'IPv6', to: 'fd00:10:2::2', icmp: region(protocol.icmpv6, 128) },
];

describeKernel('pods of two clusters, under policy', () => {
  let pair: PodPair;

  beforeAll(async () => {
    pair = new PodPair('pol', {
      underlays: ['172.30.1.11', '172.30.2.11'],
      underlayMtu: 1500,
      podMtu: 1430,
    });
    expect(await pair.westPeer.ask({ op: 'serve', port })).toBe('serving');
  });
  afterAll(() => pair[Symbol.asyncDispose]());
  beforeEach(() => pair.open());

  const kinds = families.flatMap(({ family, to, icmp }) => [
    { name: `TCP over ${family}`, at: region(protocol.tcp, port), talk: tcpOnce(to), answered: 5 },
    { name: `UDP over ${family}`, at: region(protocol.udp, port), talk: udpOnce(to), answered: 5 },
    { name: `ping over ${family}`, at: icmp, talk: () => pings(pair.east, to), answered: true },
  ]);

  let connections = 0;

  function tcpOnce(host: string): (waitMs?: number) => Promise<unknown> {
    return (waitMs) => pair.eastPeer.ask({ op: 'tcp', host, port, keep: `${host} ${connections++}` }, waitMs);
  }

  function udpOnce(host: string): (waitMs?: number) => Promise<unknown> {
    return (waitMs) => pair.eastPeer.ask({ op: 'udp', host, port }, waitMs);
  }

  it.each(kinds)('$name: allowed both ways by that alone', async ({ at, talk, answered }) => {
    const { east, west } = pair;
    pair.rows(east).clear().isolate('ingress').allow('egress', west.options.podIdentity, at);
    pair.rows(west).clear().isolate('egress').allow('ingress', east.options.podIdentity, at);
    expect(await talk()).toBe(answered);
  });

  it.each(
    kinds.map((kind) => {
      const way = kind.name.endsWith('IPv4') ? ('egress' as const) : ('ingress' as const);
      return { ...kind, way, where: way === 'egress' ? 'where it begins' : 'where it ends' };
    }),
  )('$name: denied $where', async ({ at, talk, answered, way }) => {
    const [node, other] = way === 'egress' ? [pair.east, pair.west] : [pair.west, pair.east];
    pair.rows(node).deny(way, other.options.podIdentity, at);
    const before = countOf(node.map('metrics'), reason.policyDenied, direction[way]);
    expect(await talk(refusedMs)).not.toBe(answered);
    expect(countOf(node.map('metrics'), reason.policyDenied, direction[way])).toBeGreaterThan(before);
  });

  it.each(
    families.flatMap(({ family, to }) => [
      { name: `${family}, where it ends`, to, way: 'ingress' as const },
      { name: `${family}, where it begins`, to, way: 'egress' as const },
    ]),
  )('a connection that runs stops when it is denied, and goes on when it is allowed: $name', async ({ to, way }) => {
    const keep = `${to} ${way}`;
    expect(await pair.eastPeer.ask({ op: 'tcp', host: to, port, keep })).toBe(5);
    const [node, other] = way === 'egress' ? [pair.east, pair.west] : [pair.west, pair.east];
    pair.rows(node).deny(way, other.options.podIdentity);
    expect(await pair.eastPeer.ask({ op: 'say', keep, bytes: 7 }, refusedMs)).toBe('TIMEOUT');
    pair.rows(node).allow(way, other.options.podIdentity);
    // With what was lost, by the retransmissions of TCP.
    expect(await pair.eastPeer.ask({ op: 'say', keep, bytes: 7 })).toBe(7);
  });

  it('a connection goes on while programs are replaced and everything is allowed anew', async () => {
    const host = '10.2.0.2';
    expect(await pair.eastPeer.ask({ op: 'tcp', host, port, keep: 'kept' })).toBe(5);
    for (let round = 0; round < 3; round++) {
      for (const node of [pair.east, pair.west]) node.attach({ policyScope: 1 });
      pair.open();
      expect(await pair.eastPeer.ask({ op: 'say', keep: 'kept', bytes: 100_000 })).toBe(100_000);
    }
  });

  it('what does not cross clusters is not asked about', async () => {
    for (const node of [pair.east, pair.west]) pair.rows(node).clear();
    expect(await pings(pair.east, pair.east.options.underlay)).toBe(true);
    expect(await pings(pair.east, '10.2.0.2')).toBe(false);
  });
});

describe.each([
  { over: 'IPv4', underlays: ['172.30.1.11', '172.30.2.11'], adds: 50 },
  { over: 'IPv6', underlays: ['fd00:30:1::11', 'fd00:30:2::11'], adds: 70 },
] as const)('pods whose packets do not fit', ({ over, underlays, adds }) => {
  describeKernel(`an ${over} underlay`, () => {
    let pair: PodPair;
    const underlayMtu = 1400;

    beforeAll(async () => {
      const tunnelMtu = underlayMtu - adds;
      pair = new PodPair(over, { underlays, underlayMtu, podMtu: 1500, tunnelMtu });
      pair.open();
      expect(await pair.westPeer.ask({ op: 'serve', port })).toBe('serving');
    });
    afterAll(() => pair[Symbol.asyncDispose]());

    it.each(families)('TCP over $family learns what fits, both ways', async ({ family, to }) => {
      const answered = (node: MeshNode): number => countOf(node.map('metrics'), reason.tooBig, direction.egress);
      const before = [answered(pair.east), answered(pair.west)];
      expect(await pair.eastPeer.ask({ op: 'tcp', host: to, port, keep: family })).toBe(5);
      expect(await pair.eastPeer.ask({ op: 'say', keep: family, bytes: 1_000_000 })).toBe(1_000_000);
      expect(answered(pair.east)).toBeGreaterThan(before[0] ?? 0);
      expect(answered(pair.west)).toBeGreaterThan(before[1] ?? 0);
    });

    it.each(families)('so does UDP over $family', async ({ to }) => {
      expect(await pair.eastPeer.ask({ op: 'udp', host: to, port, bytes: 1440 })).toBe(1440);
      expect(await pair.eastPeer.ask({ op: 'udp', host: to, port, bytes: 8000 })).toBe(8000);
    });

    it('nothing of it is cut in two on the way', () => {
      for (const node of [pair.east, pair.west]) expect(fragmentsMade(node)).toEqual([0, 0]);
    });
  });
});

/** By the node, of IPv4 and of IPv6. */
function fragmentsMade({ netns }: MeshNode): readonly number[] {
  const read = (path: string): string => {
    const [file = '', ...args] = netns.command(['cat', path]);
    return execFileSync(file, args, { encoding: 'utf8' });
  };
  const [names = '', values = ''] = read('/proc/net/snmp').split('\n');
  const at = names.split(' ').indexOf('FragCreates');
  const ipv6 = /^Ip6FragCreates\s+(\d+)$/m.exec(read('/proc/net/snmp6'))?.[1];
  return [Number(values.split(' ')[at]), Number(ipv6)];
}
