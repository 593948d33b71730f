import { describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@clustermesh/runtime';

import { defaultMapSizes, memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { decodeCidrKey, decodeHostKey, decodeIpcacheValue } from '../../maps/ipcache.ts';
import { NodeRecords } from '../../maps/node.ts';
import { IpcacheTable } from '../../tables/ipcache-table.ts';
import { hostPrefix } from '../../tables/prefix-index.ts';
import { IpcacheProgrammer, ipcacheBatch } from './ipcache-programmer.ts';
import { NodeIndexes } from './node-indexes.ts';

function address(...last: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...last]);
}

function setUp(hosts = 8) {
  const clock = new FakeClock();
  const maps = memoryDatapathMaps({ ...defaultMapSizes, slot: 8, backend: 8, node: 8, ipc_host: hosts, ipc_cidr: 8 });
  const records = new NodeRecords(maps.node, maps.node_ip);
  const nodes = new NodeIndexes({ records, clock, random: seededRandom(1), localClusterId: 1 });
  const table = new IpcacheTable({
    random: seededRandom(1),
    localClusterId: 1,
    ranges: { owner: () => undefined, touchesLocal: () => false },
    isIdentityKnown: () => true,
  });
  const removed: string[] = [];
  const programmer = new IpcacheProgrammer({
    table,
    nodes,
    maps: { hosts: maps.ipc_host, cidrs: maps.ipc_cidr },
    onHostRemoved: (host) => removed.push(host.subarray(12).join('.')),
  });
  const claim = (host: Uint8Array, identity: number, node: Uint8Array, prefix = hostPrefix): void => {
    const nodeIndex = nodes.acquire(node, 2) ?? 0;
    const before = table.upsert(host, prefix, { clusterId: 2, identity, nodeIndex });
    nodes.release(before?.nodeIndex ?? 0);
  };
  const withdraw = (host: Uint8Array): void => {
    nodes.release(table.remove(host, hostPrefix, 2)?.nodeIndex ?? 0);
  };
  const shown = (): readonly unknown[] =>
    [...maps.ipc_host.entries()].map(([key, value]) => {
      const { identity, nodeIndex } = decodeIpcacheValue(value);
      return [decodeHostKey(key).subarray(12).join('.'), identity, nodes.underlay(nodeIndex).subarray(12).join('.')];
    });
  return { clock, maps, nodes, table, programmer, claim, withdraw, shown, removed };
}

const node1 = address(172, 30, 2, 11);
const node2 = address(172, 30, 2, 12);

describe('IpcacheProgrammer', () => {
  it('writes addresses and prefixes to their maps', () => {
    const { programmer, claim, shown, maps } = setUp();
    claim(address(10, 2, 1, 1), 131_073, node1);
    claim(address(10, 9, 0, 0), 131_074, node2, 112);
    programmer.applyUpserts();
    expect(shown()).toEqual([['10.2.1.1', 131_073, '172.30.2.11']]);
    const [[key, value] = []] = [...maps.ipc_cidr.entries()];
    expect(decodeCidrKey(key ?? new Uint8Array(24))).toEqual({ address: address(10, 9, 0, 0), prefixLength: 112 });
    expect(decodeIpcacheValue(value ?? new Uint8Array(8)).identity).toBe(131_074);
  });

  it('writes many addresses in one batch', () => {
    const { programmer, claim, maps } = setUp(64);
    const batches: number[] = [];
    maps.ipc_host.updateBatch = (keys, _values, count) => {
      expect(keys).toHaveLength(count * maps.ipc_host.keySize);
      batches.push(count);
    };
    for (let number = 1; number <= 50; number++) claim(address(10, 2, 1, number), 131_073, node1);
    programmer.applyUpserts();
    expect(batches).toEqual([50]);
    expect(programmer.problem).toBeUndefined();
  });

  it('takes an address out only when told that nothing uses it any more', () => {
    const { programmer, claim, withdraw, shown } = setUp();
    claim(address(10, 2, 1, 1), 131_073, node1);
    programmer.applyUpserts();
    withdraw(address(10, 2, 1, 1));
    programmer.applyUpserts();
    expect(shown()).toHaveLength(1);
    programmer.applyRemovals();
    expect(shown()).toHaveLength(0);
  });

  it('tells which addresses have left the map, once they have', () => {
    const { programmer, claim, withdraw, removed } = setUp();
    claim(address(10, 2, 1, 1), 131_073, node1);
    claim(address(10, 2, 1, 2), 131_073, node1);
    programmer.applyUpserts();
    withdraw(address(10, 2, 1, 1));
    programmer.applyUpserts();
    expect(removed).toEqual([]);
    programmer.applyRemovals();
    expect(removed).toEqual(['10.2.1.1']);
  });

  it('takes many out in pieces, and says when that were all', () => {
    const count = ipcacheBatch + 1;
    const { programmer, claim, withdraw, removed } = setUp(count);
    const hosts = Array.from({ length: count }, (_, at) => address(10, 2, at >> 8, at & 0xff));
    for (const host of hosts) claim(host, 131_073, node1);
    while (programmer.applyUpserts());
    for (const host of hosts) withdraw(host);
    while (programmer.applyUpserts());
    expect([programmer.applyRemovals(), removed.length]).toEqual([true, ipcacheBatch]);
    expect([programmer.applyRemovals(), removed.length]).toEqual([false, count]);
  });

  it('leaves an address that came back in between', () => {
    const { programmer, claim, withdraw, shown, removed } = setUp();
    claim(address(10, 2, 1, 1), 131_073, node1);
    programmer.applyUpserts();
    withdraw(address(10, 2, 1, 1));
    programmer.applyUpserts();
    claim(address(10, 2, 1, 1), 131_073, node1);
    programmer.applyRemovals();
    programmer.applyUpserts();
    expect(shown()).toEqual([['10.2.1.1', 131_073, '172.30.2.11']]);
    expect(removed).toEqual([]);
  });

  it('keeps a node\u2019s index while the map refers to it, and frees it after', async () => {
    const { programmer, claim, withdraw, nodes, clock } = setUp();
    claim(address(10, 2, 1, 1), 131_073, node1);
    programmer.applyUpserts();
    withdraw(address(10, 2, 1, 1));
    expect(nodes.find(node1)).toBeDefined();
    programmer.applyUpserts();
    programmer.applyRemovals();
    expect(nodes.find(node1)).toBeUndefined();
    expect(nodes.used).toBe(1);
    await clock.advance(2_000);
    nodes.reclaim();
    expect(nodes.used).toBe(0);
  });

  it('programs what fits, says what does not, and tries that again when there is room', () => {
    const { programmer, claim, withdraw, shown } = setUp(2);
    for (const number of [1, 2, 3]) claim(address(10, 2, 1, number), 131_072 + number, node1);
    programmer.applyUpserts();
    expect(shown()).toHaveLength(2);
    expect(programmer.problem).toMatch(/^1 addresses: /);
    withdraw(address(10, 2, 1, 1));
    programmer.applyUpserts();
    programmer.applyRemovals();
    programmer.retryRefused();
    programmer.applyUpserts();
    expect(programmer.problem).toBeUndefined();
    expect(shown()).toHaveLength(2);
  });
});
