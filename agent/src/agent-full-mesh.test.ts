import { describe, expect, it } from '@jest/globals';
import { ipMask } from '@clustermesh/wire';
import type { ClusterId, ClusterName, IpIdentity } from '@clustermesh/wire';

import { World, agentKinds, chosen, identityOf } from './testing/world.ts';
import type { Cluster } from './testing/world.ts';

describe('an agent in a mesh that is full', () => {
  it.each([255, 511] as const)('reads all other clusters of %i, each by the layout of that mesh', async (max) => {
    await using world = new World(
      { node: 1_024, probe: 1_024, ipc_host: 4_096, ipc_cidr: 1_024, backend: 1_024, slot: 4_096 },
      max,
    );
    await world.local([1]);
    const others = Array.from({ length: max - 1 }, (_, at): Cluster => {
      const id = at + 2;
      return { name: `c${id}` as ClusterName, id: id as ClusterId };
    });
    for (const other of others) await publish(world, other);
    const agent = world.start();
    // Clusters come a few at a time, and each growth of a service takes new slots: the old ones are free after a while.
    await world.settle(30_000);
    await world.settle(30_000);
    const states = new Set(agent.status().clusters.map(({ state }) => state));
    expect([agent.status().clusters.length, ...states]).toEqual([max - 1, 'ready']);
    expect(chosen(agent)).toHaveLength(max);
    const identities = [...agent.listings.identities('')]
      .filter(({ cluster }) => cluster !== 'west')
      .map(({ id }) => id);
    expect(identities.sort((a, b) => a - b)).toEqual(others.map((other) => identityOf(other, 1, max)));
  });
});

/** One pod behind default/echo, at an address of the cluster's own. */
async function publish(world: World, other: Cluster): Promise<void> {
  const net = `10.${100 + Math.floor(other.id / 256)}.${other.id % 256}`;
  await world.config(other);
  await world.freshness(other);
  await world.node(other, { ip: `${net}.0`, mask: ipMask(24, 4) });
  await world.identity(other);
  await world.ip(other, `${net}.1`, { id: identityOf(other, 1, world.max) as IpIdentity['id'] });
  await world.service(other, [`${net}.1`]);
  await world.canaries(other, agentKinds);
}
