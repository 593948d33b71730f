import { describe, expect, it } from '@jest/globals';
import { formatIp, parseIp } from '@clustermesh/wire';

import { memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { decodeEndpoint, encodeInterfaceKey } from '../../maps/endpoint.ts';
import { EndpointProgrammer } from './endpoint-programmer.ts';

function bytes(text: string): Uint8Array {
  return parseIp(text) ?? new Uint8Array(16);
}

class World {
  readonly maps = memoryDatapathMaps();
  readonly programmer = new EndpointProgrammer({ byIp: this.maps.ep_ip, byInterface: this.maps.ep_if });

  upsert(ip: string, ifindex: number): void {
    const macs = { mac: new Uint8Array(6), hostMac: new Uint8Array(6), subject: 0 };
    this.programmer.upsert({ ifindex, identity: 65_540, address: bytes(ip), ...macs });
  }

  /** Address of the row of an interface. */
  at(ifindex: number): string | undefined {
    const value = this.maps.ep_if.lookup(encodeInterfaceKey(ifindex));
    return value && formatIp(decodeEndpoint(value).address);
  }
}

describe('EndpointProgrammer', () => {
  it('keeps the interface of a pod that loses one of its addresses', () => {
    const world = new World();
    world.upsert('10.1.0.5', 7);
    world.upsert('fd00:10:1::5', 7);
    world.programmer.remove(bytes('fd00:10:1::5'));
    expect(world.at(7)).toBe('10.1.0.5');
    world.programmer.remove(bytes('10.1.0.5'));
    expect(world.at(7)).toBeUndefined();
  });

  it('moves a pod to another interface address by address', () => {
    const world = new World();
    for (const ip of ['10.1.0.5', 'fd00:10:1::5']) world.upsert(ip, 7);
    world.upsert('fd00:10:1::5', 8);
    expect([world.at(7), world.at(8)]).toEqual(['10.1.0.5', 'fd00:10:1::5']);
    world.upsert('10.1.0.5', 8);
    expect([world.at(7), world.at(8)]).toEqual([undefined, '10.1.0.5']);
  });

  it('leaves an interface that has become another pod\u2019s', () => {
    const world = new World();
    world.upsert('10.1.0.5', 7);
    world.upsert('10.1.0.6', 7);
    world.programmer.remove(bytes('10.1.0.5'));
    expect(world.at(7)).toBe('10.1.0.6');
  });
});
