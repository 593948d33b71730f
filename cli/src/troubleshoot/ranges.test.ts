import { describe, expect, it } from '@jest/globals';
import type { ClusterConfig, ClusterName } from '@clustermesh/wire';

import { clusterOfUser, ownRanges, remoteRanges } from './ranges.ts';

const west = 'west' as ClusterName;
const config: ClusterConfig = {
  id: 2,
  capabilities: {
    ...{ syncedCanaries: true, cached: false, maxConnectedClusters: 255 },
    ...{ serviceExportsEnabled: false, endpointSlicesExportMode: 'endpointslices-only' },
  },
};
const keys = (ranges: readonly { readonly key: string }[]): readonly string[] => ranges.map(({ key }) => key);
const always = ['cilium/.heartbeat', 'cilium/cluster-config/west', 'cilium/synced/west/'];

describe('remoteRanges', () => {
  it('are those of the kinds that the cluster publishes', () => {
    expect(keys(remoteRanges(west, config))).toEqual([
      ...always,
      ...['cilium/state/nodes/v1/west/', 'cilium/state/identities/v1/id/', 'cilium/state/ip/v1/default/'],
      ...['cilium/state/serviceexports/v1/west/', 'cilium/state/endpointslices/v1/west/'],
    ]);
  });

  it('are in the cache where the config says so', () => {
    const cached = { ...config, capabilities: { ...config.capabilities, cached: true } };
    expect(keys(remoteRanges(west, cached))).toContain('cilium/cache/identities/v1/west/id/');
  });

  it('are what every version publishes while the config is not known', () => {
    expect(remoteRanges(west, undefined).map(({ what }) => what)).toEqual([
      ...['heartbeat', 'cluster config', 'canaries', 'nodes', 'identities', 'ip', 'services'],
    ]);
  });
});

describe('ownRanges', () => {
  it.each([
    { user: 'local-west', state: false, cache: true },
    { user: 'agent-west', state: true, cache: true },
    { user: 'admin-west', state: true, cache: true },
  ])('of $user', ({ user, state, cache }) => {
    const found = keys(ownRanges(west, user));
    expect([found.includes('cilium/state/'), found.includes('cilium/cache/')]).toEqual([state, cache]);
  });
});

it.each([
  ['admin-west', 'west'],
  ['local-a-b', 'a-b'],
  ['remote-west', undefined], // a user of another cluster's etcd
  [undefined, undefined],
])('the user %s is of the cluster %s', (user, cluster) => {
  expect(clusterOfUser(user)).toBe(cluster);
});
