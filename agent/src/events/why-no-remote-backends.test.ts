import { describe, expect, it } from '@jest/globals';
import { endpointsOfService } from '@clustermesh/select';
import type { LocalService, RemoteService } from '@clustermesh/select';
import type { ClusterService, PortConfiguration } from '@clustermesh/wire';

import { whyNoRemoteBackends } from './why-no-remote-backends.ts';

const local: LocalService = {
  namespace: 'demo',
  name: 'echo',
  clusterId: 1,
  clusterIps: ['10.96.0.1'],
  ports: [{ name: 'http', port: 80 }],
  includeExternal: true,
  affinity: 'none',
  traffic: 'cluster',
  slices: [],
};
const http: PortConfiguration = { http: { protocol: 'TCP', port: 8080 } };
const ready = (name: string) => ({ name, state: 'ready', reason: '' });

function remote(cluster: string, backends: Record<string, PortConfiguration>): RemoteService {
  const service = { cluster, namespace: 'demo', name: 'echo', backends, zones: {}, shared: true };
  return {
    cluster,
    clusterId: 2,
    endpoints: endpointsOfService(service as unknown as ClusterService) ?? [],
    usable: true,
  };
}

describe('why a global service has no backend in another cluster', () => {
  it.each([
    { name: 'it has one', remotes: [remote('north', { '10.2.0.1': http })], clusters: [ready('north')] },
    {
      name: 'one of two clusters has one',
      remotes: [remote('north', {}), remote('west', { '10.3.0.1': http })],
      clusters: [ready('north'), ready('west')],
    },
    {
      name: 'a port without name meets any',
      remotes: [remote('north', { '10.2.0.1': { '': { protocol: 'TCP', port: 1 } } })],
      clusters: [ready('north')],
    },
  ])('is not asked where $name', ({ remotes, clusters }) => {
    expect(whyNoRemoteBackends(local, remotes, clusters)).toBeUndefined();
  });

  it('is not asked of a service that wants none', () => {
    expect(whyNoRemoteBackends({ ...local, includeExternal: false }, [], [ready('north')])).toBeUndefined();
  });

  it.each([
    { name: 'there is no other cluster', remotes: [], clusters: [], want: 'no other cluster is connected' },
    {
      name: 'nobody has such a service',
      remotes: [],
      clusters: [ready('north')],
      want: 'no backend in other clusters: north publishes no demo/echo (it takes the same name and service.cilium.io/global: "true" there)',
    },
    {
      name: 'it is there without backends',
      remotes: [remote('north', {})],
      clusters: [ready('north')],
      want: 'no backend in other clusters: north has no ready backend',
    },
    {
      name: 'the ports do not meet',
      remotes: [remote('north', { '10.2.0.1': { web: { protocol: 'TCP', port: 80 } } })],
      clusters: [ready('north')],
      want: 'no backend in other clusters: ports of north (web/TCP) match none of ours (http/TCP)',
    },
    {
      name: 'the cluster is refused',
      remotes: [],
      clusters: [{ name: 'north', state: 'refused', reason: 'cluster id 1 is ours' }],
      want: 'no backend in other clusters: north is not read (cluster id 1 is ours)',
    },
  ])('$name', ({ remotes, clusters, want }) => {
    expect(whyNoRemoteBackends(local, remotes, clusters)).toContain(want);
  });

  it('names few of many clusters', () => {
    const clusters = Array.from({ length: 12 }, (_, index) => ready(`c${index}`));
    expect(whyNoRemoteBackends(local, [], clusters)).toMatch(/; and 7 others$/);
  });
});
