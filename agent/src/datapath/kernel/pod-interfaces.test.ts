import { describe, expect, it } from '@jest/globals';
import type { PeerInterface, PeerReference } from '@clustermesh/ebpf';

import { keyText } from '../../maps/address.ts';
import { podInterfacesIn } from './pod-interfaces.ts';

const pod = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 1, 5]);
const pod6 = Uint8Array.from([0xfd, 0, 0, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
const complete = {
  routes: [
    { dst: 'default', gateway: '172.30.0.1', dev: 'eth0' },
    { dst: '10.1.1.5', dev: 'v5' },
    { dst: 'fd00:10:1::5', dev: 'v5' },
    { dst: 'fe80::/64', dev: 'v5' },
    { dst: 'default', gateway: 'fe80::1', dev: 'eth0' },
  ],
  links: [
    { ifindex: 2, ifname: 'eth0', mtu: 1500, address: '02:00:00:00:00:01' },
    { ifindex: 7, ifname: 'v5', mtu: 1450, address: '0e:58:0a:01:01:05' },
  ],
  neighbours: [
    { dst: '10.1.1.5', dev: 'eth0', lladdr: '02:00:00:00:00:99' },
    { dst: '10.1.1.5', dev: 'v5', lladdr: '0a:58:0a:01:01:05' },
  ],
};

describe('podInterfacesIn', () => {
  it('finds a pod\u2019s interface by its host route, and the MAC addresses of both ends', () => {
    const found = podInterfacesIn(complete, [pod]).get(keyText(pod));
    expect(found).toEqual({
      name: 'v5',
      ifindex: 7,
      mtu: 1450,
      mac: Uint8Array.from([0x0a, 0x58, 10, 1, 1, 5]),
      hostMac: Uint8Array.from([0x0e, 0x58, 10, 1, 1, 5]),
    });
  });

  it('finds it by the IPv6 host route as well, and by the MAC address that any of its addresses told', () => {
    const found = podInterfacesIn(complete, [pod, pod6]);
    expect(found.get(keyText(pod6))).toEqual(found.get(keyText(pod)));
  });

  it('prefers the MAC address of the address itself, and guesses none of several', () => {
    const linkLocal = { dst: 'fe80::99', dev: 'v5', lladdr: '0a:58:00:00:00:99' };
    const ambiguous = { ...complete, neighbours: [...complete.neighbours, linkLocal] };
    const found = podInterfacesIn(ambiguous, [pod, pod6]);
    expect([found.has(keyText(pod)), found.has(keyText(pod6))]).toEqual([true, false]);
    const told = { dst: 'fd00:10:1::5', dev: 'v5', lladdr: '0a:58:0a:01:01:05' };
    const resolved = podInterfacesIn({ ...ambiguous, neighbours: [...ambiguous.neighbours, told] }, [pod6]);
    expect(resolved.get(keyText(pod6))?.mac).toEqual(Uint8Array.from([0x0a, 0x58, 10, 1, 1, 5]));
  });

  it.each([
    { name: 'without a route', change: { routes: [] } },
    { name: 'behind a gateway', change: { routes: [{ dst: '10.1.1.5', dev: 'v5', gateway: '172.30.0.2' }] } },
    { name: 'whose link is gone', change: { links: [] } },
    { name: 'whose neighbour is not resolved', change: { neighbours: [{ dst: '10.1.1.5', dev: 'v5' }] } },
  ])('leaves out a pod $name', ({ change }) => {
    expect(podInterfacesIn({ ...complete, ...change }, [pod]).size).toBe(0);
  });

  /** Behind a bridge: three ports whose other ends are in other network namespaces. */
  const veth = { info_kind: 'veth' };
  const port = { mtu: 1450, address: '0e:00:00:00:00:03', link_index: 2, linkinfo: veth };
  const bridged = {
    routes: [{ dst: '10.1.1.0/24', dev: 'cni0' }],
    links: [
      { ifindex: 3, ifname: 'cni0', mtu: 1450, linkinfo: { info_kind: 'bridge' } },
      { ...port, ifindex: 4, ifname: 'veth4', link_netnsid: 1 },
      { ...port, ifindex: 5, ifname: 'veth5', link_netnsid: 2 },
      { ...port, ifindex: 6, ifname: 'veth6', link_netnsid: 3 },
    ],
    neighbours: [{ dst: '10.1.1.5', dev: 'cni0', lladdr: '0a:00:00:00:00:99' }],
  };
  const inside = (...addresses: readonly Uint8Array[]): PeerInterface => ({ mac: podMac, mtu: 1450, addresses });
  const podMac = Uint8Array.from([0x0a, 0x58, 10, 1, 1, 5]);

  it('without a host route finds the interface whose other end has the address, whatever the neighbours say', () => {
    const peerOf = ({ netnsId }: PeerReference) => (netnsId === 2 ? inside(pod.subarray(12), pod6) : inside());
    const found = podInterfacesIn(bridged, [pod, pod6], peerOf);
    expect(found.get(keyText(pod))).toMatchObject({ ifindex: 5, mac: podMac });
    expect(found.get(keyText(pod6))).toEqual(found.get(keyText(pod)));
  });

  it('gives nobody an address that two have, and is not misled where a host route says whose it is', () => {
    const peerOf = ({ netnsId }: PeerReference) => (netnsId === 3 ? undefined : inside(pod.subarray(12)));
    expect(podInterfacesIn(bridged, [pod], peerOf).size).toBe(0);
    const routed = { ...bridged, routes: [{ dst: '10.1.1.5', dev: 'veth5' }] };
    expect(podInterfacesIn(routed, [pod], peerOf).get(keyText(pod))).toMatchObject({ ifindex: 5, mac: podMac });
  });

  it('does not take the route to a bridge for one to a pod', () => {
    const routed = { ...bridged, routes: [{ dst: '10.1.1.5', dev: 'cni0' }] };
    expect(podInterfacesIn(routed, [pod], () => undefined).size).toBe(0);
  });
});
