import { expect, it } from '@jest/globals';

import { MeshFixture, remoteFile } from './testing/mesh-fixture.ts';

it('a removed cluster is forgotten and its data left, with --disable-drain-on-disconnection; it may come again', async () => {
  await using mesh = new MeshFixture({ settings: { keepsRemoved: true } });
  const key = 'cilium/cache/nodes/v1/east/n1';
  const east = mesh.add('east', 2);
  east.publish();
  east.put('cilium/state/nodes/v1/east/n1', 'node');
  mesh.clusters.set(remoteFile('east'));
  await mesh.settle();
  mesh.clusters.set();
  await mesh.settle(600_000);
  expect(mesh.mesh.status()).toEqual([]);
  expect(mesh.cached(key)).toHaveProperty([key]);
  east.beat();
  mesh.clusters.set(remoteFile('east', '2'));
  await mesh.settle();
  expect(mesh.mesh.status()).toMatchObject([{ name: 'east', ready: true }]);
});
