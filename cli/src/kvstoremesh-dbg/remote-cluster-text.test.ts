import { describe, expect, it } from '@jest/globals';

import { renderRemoteClusters } from './remote-cluster-text.ts';
import type { RemoteClusterModel } from './remote-cluster-text.ts';

const nowMs = Date.UTC(2026, 0, 2);
const west: RemoteClusterModel = {
  ...{ name: 'west', ready: true, status: 'connected to https://west:2379, ID: abc' },
  ...{ 'num-nodes': 2, 'num-endpoints': 9, 'num-identities': 7, 'num-shared-services': 1 },
  config: { required: true, retrieved: true, 'cluster-id': 2, kvstoremesh: false, 'sync-canaries': true },
  synced: { nodes: true, endpoints: true, identities: true, services: true },
};
const north: RemoteClusterModel = {
  ...{ name: 'north', ready: false, status: 'Err: no heartbeat', 'num-failures': 3 },
  'last-failure': '2026-01-01T23:58:30.000Z',
  config: {
    ...{ required: true, retrieved: true, 'cluster-id': 3, kvstoremesh: true, 'sync-canaries': true },
    ...{ 'service-exports-enabled': true, 'endpoint-slices-export-mode': 'endpointslices-only' },
  },
  synced: { nodes: true, 'endpoint-slices': true, 'service-exports': false },
};
const render = (clusters: readonly RemoteClusterModel[], isVerbose: boolean): readonly string[] =>
  renderRemoteClusters(clusters, { isVerbose, nowMs }).split('\n');

describe('renderRemoteClusters', () => {
  it('counts those that are ready and tells of the others, as Cilium does', () => {
    expect(render([west, north], false)).toEqual([
      'KVStoreMesh:  1/2 clusters ready',
      '   north: not-ready, 0 nodes, 0 endpoints, 0 identities, 0 services, 0 endpoint slices, 0 MCS-API service exports, 3 reconnections (last: 1m30s ago)',
      '   └  Err: no heartbeat',
      '   └  remote configuration: expected=true, retrieved=true, cluster-id=3, kvstoremesh=true, sync-canaries=true, service-exports=enabled, endpoint-slice-export-mode=endpointslices-only',
      '   └  synchronization status: nodes=true, endpoints=false, identities=false, services=false, endpoint-slices=true, service-exports=false',
    ]);
  });

  it('tells of all when it is asked to', () => {
    expect(render([west], true)).toEqual([
      'KVStoreMesh:  1/1 clusters ready',
      '   west: ready, 2 nodes, 9 endpoints, 7 identities, 1 services, 0 endpoint slices, 0 MCS-API service exports, 0 reconnections (last: never)',
      '   └  connected to https://west:2379, ID: abc',
      '   └  remote configuration: expected=true, retrieved=true, cluster-id=2, kvstoremesh=false, sync-canaries=true, service-exports=unsupported, endpoint-slice-export-mode=services-only',
      '   └  synchronization status: nodes=true, endpoints=true, identities=true, services=true',
    ]);
  });

  it.each([
    { config: undefined, want: 'expected=unknown, retrieved=unknown' },
    { config: { required: true }, want: 'expected=true, retrieved=false' },
  ])('says what is not known of a configuration: $want', ({ config, want }) => {
    expect(render([{ name: 'a', ...(config && { config }) }], false)).toContain(`   └  remote configuration: ${want}`);
  });
});
