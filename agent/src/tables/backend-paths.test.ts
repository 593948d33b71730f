import { describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@clustermesh/runtime';
import { ipMask, parseIp } from '@clustermesh/wire';
import type { ClusterName, MeshNode } from '@clustermesh/wire';

import { IpcacheProgrammer } from '../datapath/addresses/ipcache-programmer.ts';
import { NodeIndexes } from '../datapath/addresses/node-indexes.ts';
import { defaultMapSizes, memoryDatapathMaps } from '../maps/datapath-maps.ts';
import { NodeRecords } from '../maps/node.ts';
import { MeshState } from './mesh-state.ts';

const west = 1;
const names = ['', 'west', 'east', 'north'];
const [east, north] = [2, 3];
const echo = 'default/echo';

function bytes(text: string): Uint8Array {
  return parseIp(text) ?? new Uint8Array(16);
}

/** The tables of an agent of cluster west, and service default/echo, which all clusters have. */
class World {
  readonly clock = new FakeClock();
  readonly maps = memoryDatapathMaps({ ...defaultMapSizes, slot: 8, backend: 8, node: 16, ipc_host: 7, ipc_cidr: 8 });
  readonly state: MeshState;
  readonly addresses: IpcacheProgrammer;

  constructor(isUnreachable = (_index: number): boolean => false) {
    const nodeIndexes = new NodeIndexes({
      records: new NodeRecords(this.maps.node, this.maps.node_ip),
      clock: this.clock,
      random: seededRandom(1),
      localClusterId: west,
    });
    this.state = new MeshState({
      random: seededRandom(1),
      networks: 16,
      localClusterId: west,
      nodeIndexes,
      onChange: () => undefined,
      monotonicMs: () => this.clock.monotonicMs(),
      isUnreachable,
    });
    const maps = { hosts: this.maps.ipc_host, cidrs: this.maps.ipc_cidr };
    this.addresses = new IpcacheProgrammer({ table: this.state.ipcache, nodes: nodeIndexes, maps });
    this.state.services.setLocal(echo, { service: { clusterId: west } as never, affinityTimeoutS: 0 });
    for (const cluster of [west, east, north]) {
      this.state.upsertIdentity(cluster, cluster * 65_536, []);
      this.node(cluster);
    }
    this.touched();
  }

  node(cluster: number, name = 'node1', host = 11): void {
    const node: Partial<MeshNode> = {
      name,
      cluster: names[cluster] ?? '',
      clusterId: cluster,
      ipAddresses: [{ type: 'InternalIP', ip: `172.30.${cluster}.${host}` }],
      ipv4AllocCidr: { ip: `10.${cluster}.1.0`, mask: ipMask(24, 4) },
      ipv6AllocCidr: null,
      ...{ ipv4HealthIp: '', ipv6HealthIp: '', ipv4IngressIp: '', ipv6IngressIp: '' },
    };
    this.state.upsertNode(cluster, node as MeshNode);
  }

  ip(cluster: number, ip: string, host = 11, identity = cluster * 65_536): void {
    const node = bytes(`172.30.${cluster}.${host}`);
    this.state.upsertIp(cluster, { address: bytes(ip), bits: 128, host: node, id: identity, namedPorts: [] });
  }

  service(cluster: number, addresses: readonly string[] | undefined): void {
    const endpoint = { ports: [], state: 'active', zone: '', forZones: [] } as const;
    const endpoints = addresses?.map((address) => ({ ...endpoint, address }));
    const source = { cluster: (names[cluster] ?? '') as ClusterName, clusterId: cluster };
    this.state.services.remote.setEntry(source, echo, endpoints);
    this.touched();
  }

  program(): void {
    while (this.addresses.applyUpserts());
    this.addresses.applyRemovals();
  }

  path(cluster: number, ip: string): string {
    this.state.services.withPaths(echo, []);
    return this.state.paths.of(echo, cluster)(bytes(ip));
  }

  /** Is the service to be looked at again since this was last asked? */
  touched(): boolean {
    this.state.reconsider();
    return this.state.services.takeChanges(10).length > 0;
  }

  foreign(): readonly unknown[] {
    return [...this.state.paths.foreign()].map(({ clusterId, holderId, count }) => ({ clusterId, holderId, count }));
  }
}

describe('BackendPaths', () => {
  it.each([
    { name: 'in a pod CIDR of its cluster, its entry still to come', ip: '10.2.1.5', want: 'missing' },
    { name: 'in a pod CIDR of a third cluster', ip: '10.3.1.5', want: 'missing' },
    { name: 'in a pod CIDR of ours', ip: '10.1.1.5', want: 'foreign' },
    { name: 'in no pod CIDR: an external endpoint', ip: '192.0.2.1', want: 'open' },
    { name: 'on a node itself', ip: '172.30.2.11', want: 'open' },
  ])('of an address that nobody published, $name: $want', ({ ip, want }) => {
    const world = new World();
    world.service(east, [ip]);
    expect(world.path(east, ip)).toBe(want);
  });

  it('opens when the address is in the map, not when it is known (I2)', () => {
    const world = new World();
    world.service(east, ['10.2.1.5']);
    world.ip(east, '10.2.1.5');
    expect(world.path(east, '10.2.1.5')).toBe('missing');
    world.touched();
    world.program();
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('waits for the identity of the address (I2)', () => {
    const world = new World();
    world.service(east, ['10.2.1.5']);
    world.ip(east, '10.2.1.5', 11, east * 65_536 + 7);
    world.program();
    expect(world.path(east, '10.2.1.5')).toBe('missing');
    world.state.upsertIdentity(east, east * 65_536 + 7, []);
    world.touched();
    world.program();
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('closes as soon as the address is withdrawn, before it leaves the map', () => {
    const world = new World();
    world.service(east, ['10.2.1.5']);
    world.ip(east, '10.2.1.5');
    world.program();
    world.touched();
    world.state.removeIp(east, { address: bytes('10.2.1.5'), bits: 128 });
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('missing');
  });

  it('is missing while the map has no room for the address, and opens when it has', () => {
    const world = new World();
    world.service(east, ['10.2.1.5']);
    for (let pod = 1; pod <= 4; pod++) world.ip(north, `10.3.1.${pod}`);
    world.program();
    world.ip(east, '10.2.1.5');
    world.program();
    expect(world.path(east, '10.2.1.5')).toBe('missing');
    world.state.removeIp(north, { address: bytes('10.3.1.1'), bits: 128 });
    world.program();
    world.touched();
    world.addresses.retryRefused();
    world.program();
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('stays open for what a predecessor programmed, though nobody claims it yet (I7)', () => {
    const world = new World();
    world.state.ipcache.restore(bytes('10.2.1.5'), 128, east * 65_536, 1);
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('is missing behind a node that does not answer, and looks again at the services of that node only', () => {
    const world = new World();
    world.node(east, 'node2', 12);
    world.ip(east, '10.2.1.5', 11);
    world.ip(east, '10.2.1.6', 12);
    world.program();
    world.service(east, ['10.2.1.5']);
    world.state.setNodeReachable('east', 'node2', false);
    expect(world.touched()).toBe(false);
    expect(world.path(east, '10.2.1.6')).toBe('missing');
    world.state.setNodeReachable('east', 'node1', false);
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('missing');
    world.state.setNodeReachable('east', 'node1', true);
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('is missing from the start behind a node that did not answer a predecessor (I7)', () => {
    const world = new World((index) => index === 4);
    world.node(east, 'node2', 12);
    world.ip(east, '10.2.1.6', 12);
    world.program();
    expect(world.path(east, '10.2.1.6')).toBe('missing');
  });

  it('is missing behind a silent node that moves, and open at the address that it left', () => {
    let isSilent = false;
    const world = new World(() => isSilent);
    world.node(east, 'node2', 12);
    world.ip(east, '10.2.1.5', 12);
    world.ip(east, '10.2.1.6', 13);
    world.program();
    world.service(east, ['10.2.1.5', '10.2.1.6']);
    world.state.setNodeReachable('east', 'node2', false);
    isSilent = true;
    world.touched();
    world.node(east, 'node2', 13);
    expect(world.touched()).toBe(true);
    expect([world.path(east, '10.2.1.5'), world.path(east, '10.2.1.6')]).toEqual(['open', 'missing']);
  });

  it('stays missing while one of two nodes at an address does not answer', () => {
    const world = new World();
    world.node(east, 'node2', 11);
    world.ip(east, '10.2.1.5', 11);
    world.program();
    for (const node of ['node1', 'node2']) world.state.setNodeReachable('east', node, false);
    world.state.setNodeReachable('east', 'node1', true);
    expect(world.path(east, '10.2.1.5')).toBe('missing');
    world.state.setNodeReachable('east', 'node2', true);
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('follows an address to another node, and forgets a node that was removed', () => {
    const world = new World();
    world.node(east, 'node2', 12);
    world.ip(east, '10.2.1.5', 11);
    world.service(east, ['10.2.1.5']);
    world.program();
    world.state.setNodeReachable('east', 'node2', false);
    world.touched();
    world.ip(east, '10.2.1.5', 12);
    world.program();
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('missing');
    world.state.removeNode('east', 'node2');
    expect(world.path(east, '10.2.1.5')).toBe('open');
    world.node(east, 'node2', 12);
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('never leads to an address that another cluster holds, and tells of it until that ends (I6)', () => {
    const world = new World();
    world.service(east, ['10.3.1.5', '10.3.1.6']);
    world.ip(north, '10.3.1.5');
    world.ip(north, '10.3.1.6');
    expect(world.path(east, '10.3.1.5')).toBe('foreign');
    expect(world.foreign()).toEqual([{ clusterId: east, holderId: north, count: 1 }]);
    world.touched();
    world.state.removeIp(north, { address: bytes('10.3.1.5'), bits: 128 });
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.3.1.5')).toBe('missing');
    expect(world.foreign()).toEqual([]);
  });

  it('is missing, not foreign, where another cluster squats in a range of the backend\u2019s own cluster', () => {
    const world = new World();
    world.service(east, ['10.2.1.5']);
    world.ip(north, '10.2.1.5');
    world.program();
    expect(world.path(east, '10.2.1.5')).toBe('missing');
    expect(world.foreign()).toEqual([]);
    world.ip(east, '10.2.1.5');
    world.program();
    expect(world.path(east, '10.2.1.5')).toBe('open');
  });

  it('judges again when the owner of a pod CIDR becomes known', () => {
    const world = new World();
    world.state.removeNode('east', 'node1');
    world.service(east, ['10.2.1.5']);
    expect(world.path(east, '10.2.1.5')).toBe('open');
    world.touched();
    world.node(east);
    expect(world.touched()).toBe(true);
    expect(world.path(east, '10.2.1.5')).toBe('missing');
  });

  it('watches addresses of services that we have, as long as they are listed', () => {
    const world = new World();
    world.service(east, ['10.2.1.5']);
    world.service(north, ['10.2.1.5']);
    world.service(east, []);
    world.ip(east, '10.2.1.5');
    expect(world.touched()).toBe(true);
    world.service(north, undefined);
    world.program();
    expect(world.touched()).toBe(false);
    world.service(east, ['10.2.1.5']);
    world.state.services.setLocal(echo, undefined);
    world.touched();
    world.state.removeIp(east, { address: bytes('10.2.1.5'), bits: 128 });
    expect(world.touched()).toBe(false);
  });
});
