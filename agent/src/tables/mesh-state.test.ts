import { describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@clustermesh/runtime';
import { formatIp, ipMask, parseIp, remoteNodeIdentity } from '@clustermesh/wire';
import type { IpEntry, MeshNode } from '@clustermesh/wire';
import fc from 'fast-check';

import { IpcacheProgrammer } from '../datapath/addresses/ipcache-programmer.ts';
import { NodeIndexes } from '../datapath/addresses/node-indexes.ts';
import { defaultMapSizes, memoryDatapathMaps } from '../maps/datapath-maps.ts';
import { decodeHostKey, decodeIpcacheValue } from '../maps/ipcache.ts';
import { NodeRecords } from '../maps/node.ts';
import { MeshState } from './mesh-state.ts';

const clusterId = 2;
const firstIdentity = clusterId * 65_536;

function setUp() {
  const clock = new FakeClock();
  const maps = memoryDatapathMaps({ ...defaultMapSizes, slot: 8, backend: 8, node: 12, ipc_host: 64, ipc_cidr: 8 });
  const records = new NodeRecords(maps.node, maps.node_ip);
  const nodeIndexes = new NodeIndexes({ records, clock, random: seededRandom(1), localClusterId: 1 });
  const state = new MeshState({
    random: seededRandom(1),
    networks: 16,
    localClusterId: 1,
    nodeIndexes,
    onChange: () => undefined,
    monotonicMs: () => clock.monotonicMs(),
  });
  const programmer = new IpcacheProgrammer({
    table: state.ipcache,
    nodes: nodeIndexes,
    maps: { hosts: maps.ipc_host, cidrs: maps.ipc_cidr },
  });
  return { clock, maps, records, nodeIndexes, state, programmer };
}

function address(text: string): Uint8Array {
  return parseIp(text) ?? new Uint8Array(16);
}

function ip(number: number, identity: number, host: number): IpEntry {
  return {
    address: address(`10.2.1.${number}`),
    bits: 128,
    host: host === 0 ? undefined : address(`172.30.2.${host}`),
    id: identity,
    namedPorts: [],
  };
}

function node(host: number): MeshNode {
  return {
    name: `node${host}`,
    cluster: 'east',
    clusterId,
    ipAddresses: [{ type: 'InternalIP', ip: `172.30.2.${host}` }],
    ipv4AllocCidr: { ip: `10.2.${host}.0`, mask: ipMask(24, 4) },
    ipv4SecondaryAllocCidrs: null,
    ipv6AllocCidr: null,
    ipv6SecondaryAllocCidrs: null,
    ipv4HealthIp: '',
    ipv6HealthIp: '',
    ipv4IngressIp: '',
    ipv6IngressIp: '',
    source: '',
    encryptionKey: 0,
    labels: null,
    annotations: null,
    wireguardPubKey: '',
    bootId: '',
  };
}

describe('MeshState', () => {
  it('takes another cluster\u2019s host for a remote node', () => {
    const { state } = setUp();
    state.upsertIp(clusterId, ip(1, 1, 1));
    expect([...state.ipcache.rows()]).toMatchObject([{ identity: 6 }]);
  });

  it('knows the proxy and the health endpoint of another cluster’s node, behind that node', () => {
    const { state } = setUp();
    const inside = { ipv4IngressIp: '10.2.1.7', ipv4HealthIp: '10.2.1.8' };
    expect(state.upsertNode(clusterId, { ...node(1), ...inside })).toBeUndefined();
    const hosts = (): readonly object[] =>
      [...state.ipcache.rows()]
        .filter(({ prefixLength }) => prefixLength === 128)
        .map(({ address: at, identity, nodeIndex }) => ({ at: formatIp(at), identity, isBehind: nodeIndex !== 0 }));
    expect(hosts()).toEqual(
      expect.arrayContaining([
        { at: '10.2.1.7', identity: 8, isBehind: true },
        { at: '10.2.1.8', identity: 4, isBehind: true },
        { at: '172.30.2.1', identity: 6, isBehind: false },
      ]),
    );
    // What the cluster publishes of an address itself counts more.
    state.upsertIp(clusterId, ip(7, 131_073, 1));
    state.upsertIdentity(clusterId, 131_073, []);
    expect(hosts()).toContainEqual({ at: '10.2.1.7', identity: 131_073, isBehind: true });
    state.upsertNode(clusterId, node(1));
    expect(hosts()).not.toContainEqual(expect.objectContaining({ at: '10.2.1.8' }));
  });

  it('lets no cluster say that its proxy is at an address of another one (I6)', () => {
    const { state } = setUp();
    state.upsertNode(clusterId, node(1));
    state.upsertNode(1, {
      ...node(9),
      cluster: 'west',
      clusterId: 1,
      ipv4AllocCidr: { ip: '10.1.1.0', mask: ipMask(24, 4) },
    });
    const claims = { ipv4IngressIp: '10.2.1.7', ipv4HealthIp: '10.1.1.7' };
    state.upsertNode(3, { ...node(2), cluster: 'north', clusterId: 3, ipv4AllocCidr: null, ...claims });
    expect([...state.ipcache.rows()].filter(({ identity }) => identity === 8 || identity === 4)).toEqual([]);
  });

  it('says when there is no room for another node: a cluster has half of the map at most (I1)', () => {
    const { state } = setUp();
    const full = 'no room for its node in the node map';
    const answers = [1, 2, 3, 4, 5, 6, 7].map((host) => state.upsertIp(clusterId, ip(host, 6, host)));
    expect(answers).toEqual([...Array.from({ length: 6 }, () => undefined), full]);
    expect(state.upsertNode(clusterId, node(8))).toBe(full);
    expect(state.upsertIp(3, ip(9, 6, 9))).toBeUndefined();
  });

  it('leaves room for the networks of others, be they pod CIDRs or addresses (I1)', () => {
    const { state } = setUp();
    const secondary = (host: number) => ({ ip: `10.${host}.0.0`, mask: ipMask(24, 4) });
    const greedy = { ...node(1), ipv4SecondaryAllocCidrs: Array.from({ length: 8 }, (_, at) => secondary(20 + at)) };
    expect(state.upsertNode(clusterId, greedy)).toBe('no room for its pod CIDRs in the map of networks');
    expect(state.nodes.size).toBe(0);
    expect(state.upsertNode(clusterId, node(1))).toBeUndefined();
    const network = (third: number) => ({ ...ip(1, 6, 1), address: address(`10.9.${third}.0`), bits: 120 });
    const answers = [1, 2, 3, 1].map((third) => state.upsertIp(clusterId, network(third)));
    expect(answers).toEqual([undefined, undefined, 'no room in the map of networks', undefined]);
    expect([state.hasRoomForIps(clusterId), state.hasRoomForIps(3)]).toEqual([false, true]);
    state.removeIp(clusterId, network(1));
    expect(state.upsertIp(clusterId, network(3))).toBeUndefined();
  });

  it('keeps the number of a node that addresses are behind, though the node itself found no room', () => {
    const { state, nodeIndexes } = setUp();
    for (const host of [1, 2, 3, 4, 5, 6]) state.upsertIp(clusterId, ip(host, 6, host));
    state.upsertNode(clusterId, node(7));
    state.removeIp(clusterId, ip(1, 6, 1));
    state.upsertIp(clusterId, ip(7, 6, 7));
    const index = state.ipcache.find(address('10.2.1.7'), 128)?.nodeIndex;
    state.removeNode('east', 'node7');
    expect(nodeIndexes.find(address('172.30.2.7'))).toBe(index);
  });

  it('gives a pod CIDR its node when that has found room', () => {
    const { state } = setUp();
    for (const host of [1, 2, 3, 4, 5, 6]) state.upsertIp(clusterId, ip(host, 6, host));
    state.upsertNode(clusterId, node(7));
    const fallback = () => state.ipcache.find(address('10.2.7.0'), 120);
    expect(fallback()).toBeUndefined();
    state.removeIp(clusterId, ip(1, 6, 1));
    expect(state.upsertNode(clusterId, node(7))).toBeUndefined();
    expect(fallback()).toMatchObject({ nodeIndex: state.nodeIndexes.find(address('172.30.2.7')) });
  });

  it('no map entry ever names an unknown identity or a node that is not there (I2)', async () => {
    const step = fc.record({
      identity: fc.option(fc.record({ number: fc.integer({ min: 0, max: 2 }), known: fc.boolean() }), {
        nil: undefined,
      }),
      node: fc.option(fc.record({ host: fc.integer({ min: 1, max: 3 }), present: fc.boolean() }), { nil: undefined }),
      address: fc.option(
        fc.record({
          number: fc.integer({ min: 1, max: 4 }),
          identity: fc.integer({ min: 0, max: 2 }),
          host: fc.integer({ min: 0, max: 4 }),
          present: fc.boolean(),
        }),
        { nil: undefined },
      ),
      program: fc.boolean(),
      waitMs: fc.constantFrom(0, 0, 2_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
        const { clock, maps, records, state, programmer } = setUp();
        const everKnown = new Set<number>([0, remoteNodeIdentity]);
        const wanted = new Map<string, IpEntry>();
        const check = (): void => {
          for (const [key, value] of maps.ipc_host.entries()) {
            const { identity, nodeIndex } = decodeIpcacheValue(value);
            expect(everKnown.has(identity)).toBe(true);
            expect(nodeIndex === 0 || !records.isFree(nodeIndex)).toBe(true);
            expect(key).toHaveLength(24);
          }
        };
        const program = (): void => {
          while (programmer.applyUpserts()) check();
          programmer.applyRemovals();
          check();
        };
        const learn = ({ number, known }: { readonly number: number; readonly known: boolean }): void => {
          if (!known) state.removeIdentity(firstIdentity + number);
          else state.upsertIdentity(clusterId, firstIdentity + number, []);
          if (known) everKnown.add(firstIdentity + number);
        };
        const claim = (value: IpEntry, present: boolean): void => {
          wanted.delete(formatIp(value.address));
          if (present) wanted.set(formatIp(value.address), value);
          if (present) state.upsertIp(clusterId, value);
          else state.removeIp(clusterId, value);
        };
        for (const { identity, node: change, address, program: isRound, waitMs } of steps) {
          if (identity !== undefined) learn(identity);
          if (change?.present === true) state.upsertNode(clusterId, node(change.host));
          else if (change !== undefined) state.removeNode('east', `node${change.host}`);
          if (address !== undefined) {
            claim(ip(address.number, firstIdentity + address.identity, address.host), address.present);
          }
          check();
          if (isRound) program();
          if (waitMs > 0) await clock.advance(waitMs);
        }
        for (const number of [0, 1, 2]) learn({ number, known: true });
        program();
        const shown = [...maps.ipc_host.entries()].map(([key, value]) => {
          const { identity, nodeIndex } = decodeIpcacheValue(value);
          const host = nodeIndex === 0 ? '' : formatIp(records.underlay(nodeIndex));
          return `${formatIp(decodeHostKey(key))} ${identity} ${host}`;
        });
        const pods = shown.filter((row) => !row.endsWith(` ${remoteNodeIdentity} `));
        const want = [...wanted.values()].map(
          ({ address: at, id, host }) => `${formatIp(at)} ${id} ${host === undefined ? '' : formatIp(host)}`,
        );
        expect(pods.sort()).toEqual(want.sort());
      }),
      { numRuns: 60 },
    );
  });
});
