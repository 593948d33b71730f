import { describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@clustermesh/runtime';

import { defaultMapSizes, memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { NodeRecords } from '../../maps/node.ts';
import { quarantineMs } from '../services/backend-pool.ts';
import { NodeIndexes } from './node-indexes.ts';

const [west, east, north] = [1, 2, 3];

function host(number: number): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 172, 30, 0, number]);
}

/** Room for seven nodes, as the agent of cluster west sees it. */
class World {
  readonly clock = new FakeClock();
  readonly maps = memoryDatapathMaps({ ...defaultMapSizes, slot: 8, backend: 8, node: 8, node_ip: 8 });
  readonly records = new NodeRecords(this.maps.node, this.maps.node_ip);
  indexes = this.open();

  open(): NodeIndexes {
    return new NodeIndexes({ records: this.records, clock: this.clock, random: seededRandom(1), localClusterId: west });
  }

  /** How many of these hosts are given an index. */
  taken(clusterId: number, hosts: readonly number[]): number {
    return hosts.filter((number) => this.indexes.acquire(host(number), clusterId) !== undefined).length;
  }
}

describe('NodeIndexes', () => {
  it('gives another cluster half of the map at most, and our own all that is left (I1)', async () => {
    const world = new World();
    expect(world.taken(east, [1, 2, 3, 4, 5, 6])).toBe(4);
    expect([world.indexes.hasRoom(east), world.indexes.hasRoom(north)]).toEqual([false, true]);
    expect(world.taken(west, [11, 12, 13, 14])).toBe(3);
    world.indexes.release(world.indexes.find(host(1)) ?? 0);
    await world.clock.advance(quarantineMs);
    expect(world.taken(east, [5])).toBe(1);
  });

  it('counts what a predecessor left', () => {
    const world = new World();
    world.taken(east, [1, 2, 3]);
    world.indexes = world.open();
    expect([...world.indexes.restoring()]).toEqual([1, 2, 3]);
    expect(world.taken(east, [4, 5])).toBe(1);
  });

  it('makes a node ours when we know it, whoever named it first', () => {
    const world = new World();
    const index = world.indexes.acquire(host(1), east) ?? 0;
    expect(world.indexes.acquire(host(1), west)).toBe(index);
    expect(world.indexes.clusterId(index)).toBe(west);
    world.indexes.acquire(host(1), north);
    expect(world.indexes.clusterId(index)).toBe(west);
    expect(world.taken(east, [2, 3, 4, 5])).toBe(4);
  });
});
