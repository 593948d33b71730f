import { describe, expect, it } from '@jest/globals';

import { FakeClock } from '@clustermesh/runtime';

import { createMetrics } from './metrics.ts';
import { MeshFixture, remoteFile } from './testing/mesh-fixture.ts';

describe('createMetrics', () => {
  it('shows each cluster under the names of Cilium, and forgets it when it is removed', async () => {
    await using mesh = new MeshFixture();
    const { registry } = createMetrics({ mesh: () => mesh.mesh, isLeader: () => true, clock: mesh.clock });
    const east = mesh.add('east', 2);
    east.publish();
    east.put('cilium/state/nodes/v1/east/n1', 'node');
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    mesh.mesh.notReady();
    const lines = (await registry.metrics()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'cilium_kvstoremesh_remote_clusters 1',
        'cilium_kvstoremesh_remote_cluster_readiness_status{target_cluster="east"} 1',
        'cilium_kvstoremesh_remote_cluster_failures{target_cluster="east"} 0',
        'cilium_kvstoremesh_remote_cluster_last_failure_ts{target_cluster="east"} 0',
        'cilium_kvstoremesh_remote_cluster_cache_revocations{target_cluster="east"} 0',
        'cilium_kvstoremesh_kvstore_sync_queue_size{scope="nodes/v1",source_cluster="east"} 0',
        'cilium_kvstoremesh_kvstore_initial_sync_completed{scope="nodes/v1",source_cluster="east",action="read"} 1',
        'cilium_kvstoremesh_kvstore_initial_sync_completed{scope="nodes/v1",source_cluster="east",action="write"} 1',
        'cilium_kvstoremesh_bootstrap_seconds 0',
        'cilium_kvstoremesh_leader_election_master_status{name="kvstoremesh"} 1',
        'clustermesh_kvstoremesh_entries{target_cluster="east",resource="nodes"} 1',
        `clustermesh_kvstoremesh_remote_cluster_last_contact_ts{target_cluster="east"} ${mesh.clock.now() / 1000}`,
      ]),
    );
    mesh.clusters.set();
    await mesh.settle(180_000);
    expect(await registry.metrics()).not.toContain('east');
  });

  it('has no clusters before there is a mesh', async () => {
    const { registry } = createMetrics({
      ...{ mesh: () => undefined, isLeader: () => false, clock: new FakeClock() },
      cache: () => ({ store: 'redis', address: 'redis://cache', problem: 'refused' }),
    });
    const text = await registry.metrics();
    expect(text).toContain('cilium_kvstoremesh_remote_clusters 0');
    expect(text).toContain('clustermesh_kvstoremesh_cache_up{store="redis"} 0');
    expect(text).toMatch(/^cilium_kvstoremesh_version\{version="\d+\.\d+\.\d+",revision="",arch="\w+"\} 1$/m);
    expect(text).toContain('cilium_kvstoremesh_leader_election_master_status{name="kvstoremesh"} 0');
  });
});
