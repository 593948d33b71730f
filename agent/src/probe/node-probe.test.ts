import { describe, expect, it } from '@jest/globals';
import { FakeClock, Health, createLogger, seededRandom } from '@clustermesh/runtime';
import { formatIp, parseIp } from '@clustermesh/wire';

import { Pacer } from '../ingest/pacer.ts';
import { memoryDatapathMaps } from '../maps/datapath-maps.ts';
import { ProbeRecords, probeLayout } from '../maps/probe.ts';
import { createNodeProbe } from './node-probe.ts';
import type { NodeProbe, Probing } from './node-probe.ts';
import type { ProbeSender } from './probe-socket.ts';
import type { ProbeTarget } from './probe-targets.ts';

const intervalMs = 5_000;

/** Other nodes, whose programs answer, or do not; and the kernel's side of the map. */
class World implements ProbeSender {
  readonly clock = new FakeClock();
  readonly health = new Health(this.clock);
  readonly map = memoryDatapathMaps().probe;
  readonly sent: { readonly to: string; readonly atMs: number }[] = [];
  readonly reachable: string[] = [];
  readonly roundTrips: number[] = [];
  readonly silent = new Set<string>();
  targets: ProbeTarget[] = [];
  readonly #indexes = new Map<string, number>();
  #lastToken = 0n;
  #stop = new AbortController();

  node(name: string, index: number, address = `172.30.2.${index}`): void {
    const underlay = parseIp(address) ?? new Uint8Array();
    this.targets.push({ index, underlay, cluster: 'east', node: name });
    this.#indexes.set(address, index);
  }

  /** `null`: off. */
  start(probing: Probing | null = { sender: this, intervalMs }): NodeProbe {
    const probe = createNodeProbe({
      targets: () => this.targets,
      records: new ProbeRecords(this.map),
      probing: probing ?? undefined,
      offReason: 'so configured',
      setNodeReachable: (cluster, node, isReachable) => {
        this.reachable.push(`${isReachable ? '+' : '-'}${cluster}/${node}`);
      },
      observeRoundTrip: (seconds) => this.roundTrips.push(seconds),
      pacer: new Pacer(this.clock),
      clock: this.clock,
      random: seededRandom(1),
      health: this.health,
      log: createLogger('test', 'silent'),
    });
    this.#stop = new AbortController();
    void probe.run(this.#stop.signal);
    return probe;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.clock.advance(0);
  }

  async seconds(count: number): Promise<void> {
    await this.clock.advance(count * 1_000);
  }

  token(): bigint {
    return ++this.#lastToken;
  }

  nowNs(): bigint {
    return BigInt(Math.round(this.clock.monotonicMs() * 1e6));
  }

  /** What the program of the other node and then ours do: the answer takes 3 ms. */
  send(underlay: Uint8Array, token: bigint): void {
    const to = formatIp(underlay);
    this.sent.push({ to, atMs: this.clock.monotonicMs() });
    if (this.silent.has(to)) return;
    const index = this.#indexes.get(to) ?? 0;
    const record = new DataView(this.map.bytes.buffer, this.map.bytes.byteOffset + index * probeLayout.size);
    if (record.getBigUint64(probeLayout.token, true) !== token) throw new Error('asked before the record was ready');
    record.setBigUint64(probeLayout.answeredToken, token, true);
    record.setBigUint64(probeLayout.answeredNs, this.nowNs() + 3_000_000n, true);
  }
}

describe('createNodeProbe', () => {
  it('asks every node once an interval, evenly spread', async () => {
    const world = new World();
    for (let index = 1; index <= 5; index++) world.node(`node${index}`, index);
    world.start();
    await world.seconds(100);
    const perNode = Map.groupBy(world.sent, ({ to }) => to);
    expect(perNode.size).toBe(5);
    for (const asked of perNode.values()) expect(asked.length).toBeGreaterThanOrEqual(18);
    const gaps = world.sent.slice(1).map(({ atMs }, at) => atMs - (world.sent[at]?.atMs ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(900);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_120);
    expect(new Set(gaps).size).toBeGreaterThan(10);
  });

  it('reports how far away a node is, and when it answered', async () => {
    const world = new World();
    world.node('node1', 1);
    const probe = world.start();
    await world.seconds(3);
    const lastReplyMs = world.clock.now() - 1_000;
    const way = { cluster: 'east', node: 'node1' };
    expect(probe.reports()).toEqual([{ ...way, verdict: 'reachable', reachable: true, rttMs: 3, lastReplyMs }]);
    expect(world.roundTrips).toEqual([0.003]);
  });

  it('declares a node unreachable within 20 seconds, and reachable again after two answers', async () => {
    const world = new World();
    world.node('node1', 1);
    world.node('node2', 2);
    world.start();
    await world.seconds(11);
    world.silent.add('172.30.2.1');
    await world.seconds(20);
    expect(world.reachable.at(-1)).toBe('-east/node1');
    expect(world.reachable).not.toContain('-east/node2');
    world.silent.clear();
    await world.seconds(14);
    expect(world.reachable.at(-1)).toBe('+east/node1');
  });

  it('does not judge a node that never answered', async () => {
    const world = new World();
    world.node('node1', 1);
    world.silent.add('172.30.2.1');
    const probe = world.start();
    await world.seconds(120);
    expect(probe.reports()).toMatchObject([{ verdict: 'unknown', reachable: true }]);
    expect(world.reachable).toEqual([]);
  });

  it('says so when nobody answers any more, and marks them all the same', async () => {
    const world = new World();
    world.node('node1', 1);
    world.node('node2', 2);
    world.start();
    await world.seconds(11);
    world.silent.add('172.30.2.1').add('172.30.2.2');
    await world.seconds(21);
    expect(world.reachable.toSorted()).toEqual(expect.arrayContaining(['-east/node1', '-east/node2']));
    expect(world.health.report()).toMatchObject([{ name: 'probe', state: 'degraded' }]);
    world.silent.clear();
    await world.seconds(14);
    expect(world.health.report()).toMatchObject([{ name: 'probe', state: 'ok' }]);
  });

  it('goes on with the verdicts of its predecessor (I7)', async () => {
    const world = new World();
    world.node('node1', 1);
    world.start();
    await world.seconds(6);
    world.silent.add('172.30.2.1');
    await world.seconds(20);
    await world.stop();
    world.reachable.length = 0;
    const successor = world.start();
    await world.seconds(60);
    expect(successor.reports()).toMatchObject([{ verdict: 'unreachable', rttMs: undefined }]);
    world.silent.clear();
    await world.seconds(14);
    expect(world.reachable).toEqual(['+east/node1']);
  });

  it('knows nothing of another node that got the number of one before', async () => {
    const world = new World();
    world.node('node1', 1);
    const probe = world.start();
    await world.seconds(6);
    world.silent.add('172.30.2.1');
    await world.seconds(20);
    world.targets = [];
    world.node('node9', 1, '172.30.2.9');
    world.silent.add('172.30.2.9');
    await world.seconds(30);
    expect(probe.reports()).toMatchObject([{ node: 'node9', verdict: 'unknown', rttMs: undefined }]);
    expect(world.reachable).toEqual(['-east/node1']);
  });

  it('judges all nodes that claim an address by its answers', async () => {
    const world = new World();
    world.node('node1', 1);
    world.node('other', 1);
    world.start();
    await world.seconds(6);
    world.silent.add('172.30.2.1');
    await world.seconds(20);
    expect(world.reachable).toEqual(['-east/node1', '-east/other']);
  });

  it('asks nodes that come, and no longer those that go', async () => {
    const world = new World();
    world.start();
    await world.seconds(10);
    world.node('node1', 1);
    await world.seconds(3);
    expect(world.sent.map(({ to }) => to)).toEqual(['172.30.2.1']);
    world.targets = [];
    world.sent.length = 0;
    await world.seconds(60);
    expect(world.sent).toEqual([]);
  });

  it('asks more nodes than an interval takes at the highest rate, not faster', async () => {
    const world = new World();
    for (let index = 1; index <= 6_000; index++) world.node(`n${index}`, index, `10.0.${index >> 8}.${index & 0xff}`);
    world.start();
    await world.seconds(1);
    expect(world.sent.length).toBeGreaterThan(800);
    expect(world.sent.length).toBeLessThanOrEqual(1_120);
  });

  it('asks nobody when it is off', async () => {
    const world = new World();
    world.node('node1', 1);
    const probe = world.start(null);
    await world.seconds(60);
    expect([world.sent, probe.reports(), probe.offReason]).toEqual([[], [], 'so configured']);
    expect(world.start().offReason).toBe('');
  });

  it('leaves nodes alone whose numbers the map of probes has no room for', async () => {
    const world = new World();
    world.node('n1', 11);
    world.node('n2', new ProbeRecords(world.map).capacity, '172.30.2.12');
    const probe = world.start();
    await world.seconds(20);
    expect(probe.reports()).toMatchObject([{ node: 'n1', verdict: 'reachable' }]);
    expect(new Set(world.sent.map(({ to }) => to))).toEqual(new Set(['172.30.2.11']));
    await world.stop();
  });
});
