import { describe, expect, it } from '@jest/globals';
import { aborted } from '@clustermesh/runtime';

import { MeshFixture, remoteFile } from '../testing/mesh-fixture.ts';

describe('the start of many remote clusters (I1)', () => {
  it('goes on to the next ones while the first 24 do not answer', async () => {
    await using mesh: MeshFixture = new MeshFixture({
      connect: async ({ cluster }, signal) => {
        if (cluster.startsWith('dead-')) await aborted(signal);
        return mesh.remote(cluster).connect();
      },
    });
    const dead = Array.from({ length: 24 }, (_, index) => `dead-${index}`);
    for (const [index, name] of dead.entries()) mesh.add(name, index + 2);
    mesh.add('east', 100).publish();
    mesh.clusters.set(...dead.map((name) => remoteFile(name)), remoteFile('east'));
    await mesh.settle(1_900);
    expect(mesh.status('east')?.ready).toBe(false);
    await mesh.settle(200);
    expect(mesh.status('east')?.ready).toBe(true);
  });
});
