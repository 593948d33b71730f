import { describe, expect, it } from '@jest/globals';

import { keyText } from '../../maps/address.ts';
import { podInterfacesIn } from './pod-interfaces.ts';

const pod = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 1, 5]);
const complete = {
  routes: [
    { dst: 'default', gateway: '172.30.0.1', dev: 'eth0' },
    { dst: '10.1.1.5', dev: 'v5' },
  ],
  links: [
    { ifindex: 2, ifname: 'eth0', address: '02:00:00:00:00:01' },
    { ifindex: 7, ifname: 'v5', address: '0e:58:0a:01:01:05' },
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
      mac: Uint8Array.from([0x0a, 0x58, 10, 1, 1, 5]),
      hostMac: Uint8Array.from([0x0e, 0x58, 10, 1, 1, 5]),
    });
  });

  it.each([
    { name: 'without a route', change: { routes: [] } },
    { name: 'behind a gateway', change: { routes: [{ dst: '10.1.1.5', dev: 'v5', gateway: '172.30.0.2' }] } },
    { name: 'whose link is gone', change: { links: [] } },
    { name: 'whose neighbour is not resolved', change: { neighbours: [{ dst: '10.1.1.5', dev: 'v5' }] } },
  ])('leaves out a pod $name', ({ change }) => {
    expect(podInterfacesIn({ ...complete, ...change }, [pod]).size).toBe(0);
  });
});
