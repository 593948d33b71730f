import { expect, it } from '@jest/globals';
import type { ClusterService, PortConfiguration } from '@clustermesh/wire';

import { slimService } from './slim-service.ts';

const service: ClusterService = {
  cluster: 'north',
  namespace: 'shop',
  name: 'web',
  frontends: { '10.96.0.9': { http: { protocol: 'TCP', port: 80 } } },
  backends: {},
  hostnames: { '10.1.0.1': 'web-1' },
  zones: { '10.1.0.1': { zone: 'a', forZones: null } },
  labels: { app: 'web' },
  selector: { app: 'web' },
  includeExternal: true,
  shared: true,
  clusterId: 3,
};

const web = (port = 8080, protocol = 'TCP', name = 'http'): PortConfiguration => ({ [name]: { protocol, port } });

it('leaves out what selection does not read', () => {
  const { frontends, hostnames, labels, selector, ...kept } = slimService(service);
  expect({ frontends, hostnames, labels, selector }).toEqual({
    frontends: {},
    hostnames: {},
    labels: {},
    selector: {},
  });
  expect(service).toMatchObject(kept);
  expect(slimService({ ...service, backends: null }).backends).toBeNull();
});

it('keeps equal ports of backends once, and each its own', () => {
  const both = { ...web(), ...web(9090, 'TCP', 'metrics') };
  const backends = {
    '10.1.0.1': web(),
    '10.1.0.2': web(),
    '10.1.0.3': web(8081),
    '10.1.0.4': web(8081, 'UDP'),
    '10.1.0.5': web(8081, 'UDP', 'dns'),
    '10.1.0.6': both,
    '10.1.0.7': null,
    '10.1.0.8': web(),
  };
  const slim = slimService({ ...service, backends }).backends;
  expect({ ...slim }).toEqual(backends);
  expect(slim?.['10.1.0.2']).toBe(slim?.['10.1.0.1']);
});
