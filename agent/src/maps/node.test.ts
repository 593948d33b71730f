import { describe, expect, it } from '@jest/globals';
import { formatIp, parseIp } from '@clustermesh/wire';

import { keyText } from './address.ts';
import { memoryDatapathMaps } from './datapath-maps.ts';
import { NodeRecords } from './node.ts';

function bytes(text: string): Uint8Array {
  return parseIp(text) ?? new Uint8Array(16);
}

class World {
  readonly maps = memoryDatapathMaps();
  readonly records = new NodeRecords(this.maps.node, this.maps.node_ip);

  /** Where addresses lead. */
  indexes(): Readonly<Record<string, number>> {
    const entries = [...this.maps.node_ip.entries()];
    return Object.fromEntries(entries.map(([key, value]) => [formatIp(key), value[0] ?? 0]));
  }
}

describe('NodeRecords', () => {
  it('leads from an address to its record while that is in use', () => {
    const { records, maps } = new World();
    records.write(3, bytes('172.30.2.11'), 2);
    records.write(4, bytes('fd00:30:2::12'), 2);
    expect(maps.node_ip.lookup(bytes('172.30.2.11'))).toEqual(Uint8Array.of(3, 0, 0, 0));
    records.free(3);
    expect(maps.node_ip.lookup(bytes('172.30.2.11'))).toBeUndefined();
    expect(records.isFree(3)).toBe(true);
  });

  it('puts right where the addresses of a predecessor lead', () => {
    const world = new World();
    world.records.write(3, bytes('172.30.2.11'), 2);
    world.records.write(4, bytes('172.30.2.12'), 2);
    world.maps.node_ip.delete(bytes('172.30.2.11'));
    world.maps.node_ip.update(bytes('172.30.2.99'), Uint8Array.of(9, 0, 0, 0));
    const wanted = new Map([3, 4].map((index) => [keyText(world.records.underlay(index)), index]));
    for (const _ of world.records.reindexing((underlay) => wanted.get(keyText(underlay)))) continue;
    expect(world.indexes()).toEqual({ '172.30.2.11': 3, '172.30.2.12': 4 });
  });
});
