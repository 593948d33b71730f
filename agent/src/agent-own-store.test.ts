import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SplitWorld } from './testing/split-world.ts';
import { addresses, chosen, cluster, east, minutes, seconds } from './testing/world.ts';

const both = ['10.1.1.1', '10.2.1.1'];

describe('an agent whose cache is in another store than its own cluster', () => {
  let world: SplitWorld;
  beforeEach(async () => {
    world = new SplitWorld();
    await world.local([1]);
    await world.remote(east);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const cacheAt = { store: 'redis', address: 'rediss://redis:6379' } as const;

  it('reads its own cluster there and the others from the cache, and says which it is (I5)', async () => {
    const agent = world.start({ cacheAt });
    await world.settle();
    expect(agent.notReady()).toBeUndefined();
    expect(addresses(agent)).toEqual(both);
    expect(agent.status().cache).toEqual({ ...cacheAt, problem: '' });
  });

  it('keeps what it has while the cache is away, and says why it cannot be read (I4)', async () => {
    const agent = world.start({ cacheAt });
    await world.settle();
    world.server.stop();
    await world.settle(5 * seconds);
    expect(chosen(agent)).toEqual(both);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', reason: 'no contact with our own cache' });
    expect(agent.status().cache).toMatchObject({ store: 'redis', problem: expect.stringContaining('watch') });
    const up = agent.metrics.registry.getSingleMetric('clustermesh_agent_cache_up');
    expect(await up?.get()).toMatchObject({ values: [{ value: 0, labels: { store: 'redis' } }] });
    world.server.start();
    await world.settle(minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
  });

  it('follows its own cluster without the cache, and is ready after a time', async () => {
    world.server.stop();
    const agent = world.start({ cacheAt });
    await world.settle();
    expect(addresses(agent)).toEqual(['10.1.1.1']);
    expect(agent.notReady()).toBe('waiting for the list of remote clusters');
    await world.settle(minutes);
    expect(agent.notReady()).toBeUndefined();
  });

  it('keeps what its predecessor knew while the cache is away and, come back empty, is being filled (I4, I7)', async () => {
    const before = world.start({ cacheAt });
    await world.settle();
    await world.stop(before);
    world.server.stop();
    world.start({ cacheAt });
    await world.settle(10 * minutes);
    expect([...world.maps.ipc_host.entries()]).toHaveLength(4);
    world.server.wipe();
    world.server.start();
    await world.settle(30 * seconds);
    expect([...world.maps.ipc_host.entries()]).toHaveLength(4);
    await world.remote(east);
    await world.settle(minutes);
    expect([...world.maps.ipc_host.entries()]).toHaveLength(4);
  });

  it('gives up what its predecessor knew of clusters that the cache does not get back', async () => {
    const before = world.start({ cacheAt });
    await world.settle();
    await world.stop(before);
    world.server.wipe();
    world.start({ cacheAt });
    await world.settle(2 * minutes);
    expect([...world.maps.ipc_host.entries()]).toHaveLength(2);
  });
});
