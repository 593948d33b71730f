import { describe, expect, it } from '@jest/globals';
import { parseIp } from '@clustermesh/wire';

import type { NetworkTables } from './network-tables.ts';
import { podMtu, tunnelMtu, underlayMtu } from './underlay-mtu.ts';

const none = new Uint8Array(16);
const ipv4 = parseIp('172.30.0.11') ?? none;
const ipv6 = parseIp('fd00:30::11') ?? none;

function tables(change: Partial<NetworkTables> = {}): NetworkTables {
  return {
    routes: [{ dst: 'default', gateway: '172.30.0.1', dev: 'eth0' }],
    links: [
      { ifindex: 1, ifname: 'lo', mtu: 65_536, addr_info: [{ local: '172.30.0.11' }] },
      { ifindex: 2, ifname: 'eth0', mtu: 1_500, addr_info: [{ local: '172.30.0.11' }, { local: 'fe80::1' }] },
      { ifindex: 3, ifname: 'eth1', mtu: 9_000, addr_info: [{ local: 'fd00:30::11' }] },
    ],
    neighbours: [],
    ...change,
  };
}

describe('the underlay takes', () => {
  it.each([
    { name: 'what the device with this node’s address does', addresses: { ipv4, ipv6: none }, want: 1_500 },
    { name: 'what that of its IPv6 address does', addresses: { ipv4: none, ipv6 }, want: 9_000 },
    { name: 'the smaller where they differ', addresses: { ipv4, ipv6 }, want: 1_500 },
    {
      name: 'what the device of the default route does, without addresses',
      addresses: { ipv4: none, ipv6: none },
      want: 1_500,
    },
  ])('$name', ({ addresses, want }) => {
    expect(underlayMtu(tables(), addresses)).toBe(want);
  });

  it('what the way beyond does, where a route says so', () => {
    const routes = [{ dst: 'default', gateway: '172.30.0.1', dev: 'eth0', metrics: [{ mtu: 1_400 }] }];
    expect(underlayMtu(tables({ routes }), { ipv4, ipv6: none })).toBe(1_400);
  });

  it('nobody knows what, without address and default route', () => {
    expect(underlayMtu(tables({ routes: [] }), { ipv4: none, ipv6: none })).toBe(0);
    expect(tunnelMtu(0)).toEqual({ underlay: 0, ipv4: 0, ipv6: 0 });
  });
});

describe('a packet of a pod may have', () => {
  it.each([
    { over: 'IPv4', addresses: { ipv4, ipv6: none }, want: 1_450 },
    { over: 'IPv6', addresses: { ipv4: none, ipv6 }, want: 1_430 },
    { over: 'either', addresses: { ipv4, ipv6 }, want: 1_430 },
  ])('$want bytes over $over on a usual underlay', ({ addresses, want }) => {
    expect(podMtu(tunnelMtu(1_500), addresses)).toBe(want);
  });
});
