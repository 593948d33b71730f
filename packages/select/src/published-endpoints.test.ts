import { describe, expect, it } from '@jest/globals';
import type { ClusterEndpointSlice, ClusterService, PortConfiguration, SliceEndpoint } from '@clustermesh/wire';

import { endpointsOfService, endpointsOfSlice } from './published-endpoints.ts';

describe('of a service in one value', () => {
  const web = (port = 8080, protocol = 'TCP', name = 'http'): PortConfiguration => ({ [name]: { protocol, port } });
  const of = (change: Partial<ClusterService>) =>
    endpointsOfService({ shared: true, zones: {}, backends: {}, ...change } as ClusterService);

  it('each backend is active, with its ports, zone and hints', () => {
    const zones = { '10.1.0.1': { zone: 'a', forZones: [{ name: 'a' }, { name: 'b' }] } };
    expect(of({ backends: { '10.1.0.1': web(), '10.1.0.2': null }, zones })).toEqual([
      {
        address: '10.1.0.1',
        ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
        state: 'active',
        zone: 'a',
        forZones: ['a', 'b'],
      },
      { address: '10.1.0.2', ports: [], state: 'active', zone: '', forZones: [] },
    ]);
  });

  it('equal ports of backends are kept once, and each its own', () => {
    const both = { ...web(), ...web(9090, 'TCP', 'metrics') };
    const backends = {
      '10.1.0.1': web(),
      '10.1.0.2': web(),
      '10.1.0.3': web(8081),
      '10.1.0.4': web(8081, 'UDP'),
      '10.1.0.5': web(8081, 'UDP', 'dns'),
      '10.1.0.6': both,
      '10.1.0.7': web(),
    };
    const endpoints = of({ backends }) ?? [];
    const listed = endpoints.map(({ address, ports }) => [
      address,
      Object.fromEntries(ports.map(({ name, ...port }) => [name, port])),
    ]);
    expect(Object.fromEntries(listed)).toEqual(backends);
    expect(endpoints[1]?.ports).toBe(endpoints[0]?.ports);
  });

  it.each([{ backends: null }, { backends: {} }])('$backends are none', (change) => {
    expect(of(change)).toEqual([]);
  });

  it('one that is not shared counts as deleted', () => {
    expect(of({ shared: false, backends: { '10.1.0.1': web() } })).toBeUndefined();
  });
});

describe('of a slice', () => {
  const endpoint: SliceEndpoint = { addresses: ['10.1.0.1'], conditions: {}, deprecatedTopology: {} };
  const of = (change: Partial<SliceEndpoint>, ports: ClusterEndpointSlice['ports'] = []) =>
    endpointsOfSlice({ endpoints: [{ ...endpoint, ...change }], ports } as unknown as ClusterEndpointSlice);

  it.each([
    { conditions: {}, want: 'active' },
    { conditions: { ready: true }, want: 'active' },
    { conditions: { ready: true, serving: false }, want: 'active' },
    { conditions: { ready: true, terminating: true }, want: 'active' },
    { conditions: { ready: false }, want: 'down' },
    { conditions: { ready: false, serving: true, terminating: true }, want: 'terminating' },
    { conditions: { ready: false, serving: true }, want: 'terminating' },
    { conditions: { ready: false, serving: false, terminating: true }, want: 'down' },
    { conditions: { serving: false }, want: 'active' },
  ])('an endpoint with the conditions $conditions is $want', ({ conditions, want }) => {
    expect(of({ conditions }).map(({ state }) => state)).toEqual([want]);
  });

  it('every address is one, in one spelling, with the ports of its slice', () => {
    const addresses = ['10.1.0.1', 'FD00:0:0::1'];
    const ports = [{ name: 'http', port: 80 }, { protocol: 'UDP', port: 53 }, { name: 'all' }];
    expect(of({ addresses }, ports).map(({ address }) => address)).toEqual(['10.1.0.1', 'fd00::1']);
    expect(of({ addresses }, ports)[1]?.ports).toEqual([
      { name: 'http', protocol: 'TCP', port: 80 },
      { name: '', protocol: 'UDP', port: 53 },
      { name: 'all', protocol: 'TCP', port: 0 },
    ]);
  });

  it.each([
    { change: { zone: 'a' }, want: ['a', []] },
    { change: { deprecatedTopology: { 'topology.kubernetes.io/zone': 'b' } }, want: ['b', []] },
    { change: { zone: 'a', deprecatedTopology: { 'topology.kubernetes.io/zone': 'b' } }, want: ['a', []] },
    { change: { zone: 'a', hints: { forZones: [{ name: 'c' }] } }, want: ['a', ['c']] },
    { change: { hints: { forZones: [] } }, want: ['', []] },
  ])('$change says zone and hints $want', ({ change, want }) => {
    expect(of(change).map(({ zone, forZones }) => [zone, forZones])).toEqual([want]);
  });
});
