import { describe, expect, it } from '@jest/globals';

import type { Link, NetworkTables } from './network-tables.ts';
import { nameRule, podLike } from './pod-like.ts';

const veth = { mtu: 1450, link_index: 2, link_netnsid: 0, linkinfo: { info_kind: 'veth' } };
const anyName = nameRule('');

function namesIn(tables: Partial<NetworkTables>, patterns = ''): readonly string[] {
  return podLike({ routes: [], links: [], neighbours: [], ...tables }, nameRule(patterns)).map(({ ifname }) => ifname);
}

describe('podLike', () => {
  const link: Link = { ...veth, ifindex: 7, ifname: 'veth7' };

  it.each([
    { name: 'a veth into another namespace', links: [link], want: ['veth7'] },
    { name: 'a port of a CNI’s bridge', links: [{ ...link, master: 'cni0' }], want: ['veth7'] },
    { name: 'no veth whose other end is here', links: [{ ...link, link_netnsid: undefined }], want: [] },
    { name: 'no other kind of device', links: [{ ...link, linkinfo: { info_kind: 'bridge' } }], want: [] },
    { name: 'no port of a bridge of Docker', links: [{ ...link, master: 'docker0' }], want: [] },
    { name: 'nor of a network of Docker', links: [{ ...link, master: 'br-0123456789ab' }], want: [] },
  ])('is $name', ({ links, want }) => {
    expect(namesIn({ links })).toEqual(want);
  });

  it.each([
    { name: 'host routes lead', routes: [{ dst: '10.1.0.5', dev: 'veth7' }], isPods: true },
    { name: 'only addresses of the link are behind', routes: [{ dst: 'fe80::/64', dev: 'veth7' }], isPods: true },
    { name: 'a gateway is behind', routes: [{ dst: '10.9.0.9', gateway: '10.1.0.1', dev: 'veth7' }], isPods: false },
    { name: 'a network is behind', routes: [{ dst: '172.30.0.0/16', dev: 'veth7' }], isPods: false },
    { name: 'everything is behind', routes: [{ dst: 'default', dev: 'veth7' }], isPods: false },
    { name: 'others lead out', routes: [{ dst: 'default', gateway: '10.1.0.1', dev: 'eth0' }], isPods: true },
  ])('where $name: $isPods', ({ routes, isPods }) => {
    expect(namesIn({ links: [link], routes })).toEqual(isPods ? ['veth7'] : []);
  });
});

describe('nameRule', () => {
  it.each([
    { patterns: '', name: 'anything', want: true },
    { patterns: 'cali*,lxc*', name: 'cali12', want: true },
    { patterns: 'cali*, lxc*', name: 'lxc12', want: true },
    { patterns: 'cali*', name: 'xcali12', want: false },
    { patterns: 'veth.7', name: 'vethx7', want: false },
    { patterns: 'veth.7', name: 'veth.7', want: true },
  ])('$patterns fits $name: $want', ({ patterns, name, want }) => {
    expect(nameRule(patterns)(name)).toBe(want);
  });

  it('says nothing against any name by default', () => {
    expect(anyName('eth0')).toBe(true);
  });
});
