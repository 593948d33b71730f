import { afterEach, describe, expect, it } from '@jest/globals';
import { canaryKey, freshnessKey, heartbeatKey, identityCodec, kindByName, parseLabel } from '@clustermesh/wire';
import type { ClusterId, ClusterName, IpIdentity } from '@clustermesh/wire';

import type { Agent } from './agent.ts';
import { LinkWorld } from './testing/link-world.ts';
import {
  addresses,
  agentKinds,
  chosen,
  cluster,
  east,
  identityOf,
  minutes,
  north,
  podIp,
  prefixOf,
  seconds,
  west,
} from './testing/world.ts';

const both = ['10.1.1.1', '10.2.1.1'];

describe('an agent that reads remote clusters by itself', () => {
  let world: LinkWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  /** West has one pod, east is linked and has one too. */
  async function started(form: 'state' | 'cache' = 'state', settings = {}): Promise<Agent> {
    world = new LinkWorld();
    await world.local([1]);
    world.link(east, form);
    world.beat(east);
    await world.remote(east);
    const agent = world.start(settings);
    await world.settle();
    return agent;
  }

  it('reads what a cluster publishes in its own store, and says where each entry is (I5)', async () => {
    const agent = await started();
    expect(chosen(agent)).toEqual(both);
    const [, remote] = [...agent.listings.backends({ namespace: 'default', name: 'echo' })];
    expect(remote).toMatchObject({ cluster: 'east', key: 'cilium/state/services/v1/east/default/echo' });
    expect(agent.listings.entryOf(new Uint8Array([...Array<number>(10).fill(0), 255, 255, 10, 2, 1, 1]))).toMatchObject(
      { key: 'cilium/state/ip/v1/default/10.2.1.1' },
    );
    expect(cluster(agent, east)).toMatchObject({
      ...{ state: 'ready', reason: '', clusterId: 2, datapath: 'fresh' },
      freshness: { connected: true, ageOf: 'cluster' },
    });
    expect(agent.notReady()).toBeUndefined();
  });

  it('reads a cache that Cilium’s KVStoreMesh filled, as the configuration there says', async () => {
    world = new LinkWorld();
    await world.local([1]);
    world.link(east, 'cache');
    world.forbidden.add(freshnessKey(east.name));
    world.beat(east);
    await world.remote(east);
    await world.delete(freshnessKey(east.name));
    const agent = world.start();
    await world.settle();
    expect(chosen(agent)).toEqual(both);
    const [, remote] = [...agent.listings.backends({ namespace: 'default', name: 'echo' })];
    expect(remote?.key).toBe('cilium/cache/services/v1/east/default/echo');
    // How old the copy is, nobody tells: only that the cache answers.
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', freshness: { connected: true, ageOf: 'cache' } });
    world.storeOf(east).stop();
    await world.settle(10 * seconds);
    expect(cluster(agent, east)).toMatchObject({
      state: 'stale',
      freshness: { connected: false, ageOf: 'cache' },
    });
    expect(cluster(agent, east)?.reason).toMatch(/^no contact with the cache that holds its copy since /);
    expect(chosen(agent)).toEqual(both);
  });

  it('believes a mirror of ours that tells how old the copy in its cache is', async () => {
    const agent = await started('cache');
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', freshness: { ageOf: 'mirror' } });
    await world.freshness(east, false);
    await world.settle(minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', freshness: { ageOf: 'mirror' } });
    expect(cluster(agent, east)?.reason).toMatch(/^no contact with the cluster since /);
    await world.delete(freshnessKey(east.name));
    await world.settle(minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale' });
    expect(chosen(agent)).toEqual(both);
  });

  it('waits for the canary of a kind', async () => {
    world = new LinkWorld();
    await world.local([1]);
    world.link(east);
    world.beat(east);
    await world.remote(east);
    await world.delete(canaryKey(east.name, kindByName.services.cacheCanary));
    const agent = world.start();
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    expect(cluster(agent, east)?.state).toBe('syncing');
    expect(cluster(agent, east)?.reason).toMatch(/^waiting for services/);
    await world.canaries(east);
    await world.settle();
    expect(chosen(agent)).toEqual(both);
  });

  it('starts without canaries where a cluster announces none, as in kvstore mode', async () => {
    world = new LinkWorld();
    await world.local([1]);
    world.link(east);
    await world.remote(east);
    await world.announce(east, { syncedCanaries: false });
    for (const kind of agentKinds) await world.delete(canaryKey(east.name, kindByName[kind].cacheCanary));
    // What only such a store has beside the entries (protocol.md §1.5).
    for (const key of ['value/k8s:app=echo;/10.2.0.1', 'locks/k8s:app=echo;/1f', 'id']) {
      world
        .storeOf(east)
        .apply([{ kind: 'put', key: `cilium/state/identities/v1/${key}`, value: Buffer.from('1') }], 0);
    }
    const agent = world.start();
    await world.settle();
    expect(chosen(agent)).toEqual(both);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejected: 0 });
    // An agent there is gone, and with it its lease: that is what its entries are meant to do.
    await world.beatFor(minutes, east);
    await world.delete(`${prefixOf(east, 'ip')}10.2.1.1`);
    await world.service(east, []);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    expect(addresses(agent)).toEqual(['10.1.1.1']);
  });

  it('keeps everything while there is no contact, and takes what has changed when there is again (I3, I4)', async () => {
    const agent = await started();
    world.storeOf(east).stop();
    await world.settle(30 * minutes);
    const { reason } = cluster(agent, east) ?? {};
    expect(reason).toMatch(/^no contact with the cluster since \S+: connect to east$/);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', datapath: 'stale' });
    expect(chosen(agent)).toEqual(both);
    await world.service(east, [podIp(east, 2)]);
    await world.ip(east, podIp(east, 2));
    world.storeOf(east).start();
    world.beat(east);
    await world.settle(minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
  });

  it('withdraws a cluster that is away for longer than --stale-ttl, but only where there are others (I4)', async () => {
    const agent = await started('state', { staleTtlMs: 10 * minutes });
    world.storeOf(east).stop();
    await world.settle(5 * minutes);
    expect(chosen(agent)).toEqual(both);
    await world.settle(6 * minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    expect(cluster(agent, east)?.datapath).toBe('withdrawn');
    await world.localPods([]);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.2.1.1']);
  });

  it('loses nothing when leases run out because the writer died, and believes one that is back (I3)', async () => {
    const agent = await started();
    await world.settle(15 * minutes);
    await world.delete(heartbeatKey, ...['ip', 'services'].map((kind) => entryOf(kind as 'ip' | 'services')));
    await world.settle(minutes);
    expect(chosen(agent)).toEqual(both);
    expect(cluster(agent, east)?.withheld).toBe(2);
    await world.beatFor(3 * minutes, east);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', withheld: 0 });
    expect(chosen(agent)).toEqual(['10.1.1.1']);
  });

  it('takes a store that comes back empty for one that is being filled (I3)', async () => {
    const agent = await started();
    world.storeOf(east).wipe(555n);
    await world.settle(5 * minutes);
    expect(chosen(agent)).toEqual(both);
    await world.remote(east, [2]);
    world.beat(east);
    await world.settle(minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
  });

  it('takes all of a cluster away when its file goes, and begins anew when it comes back', async () => {
    const agent = await started();
    world.unlink(east);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    expect(agent.status().clusters).toEqual([]);
    expect([...world.maps.ipc_cidr.entries()]).toEqual([]);
    world.link({ ...north, id: east.id });
    await world.remote({ ...north, id: east.id });
    await world.settle(5 * seconds);
    expect(cluster(agent, north)).toMatchObject({ state: 'ready', clusterId: east.id });
  });

  it('reads a cluster on from another prefix without emptying anything meanwhile (I4)', async () => {
    const agent = await started();
    world.unlink(east);
    world.link(east, 'cache');
    await world.remote(east, [1, 2]);
    await world.settle(5 * seconds);
    expect(chosen(agent)).toEqual([...both, '10.2.1.2']);
    expect([...agent.listings.backends({ namespace: 'default', name: 'echo' })].map(({ key }) => key)).toContain(
      'cilium/cache/services/v1/east/default/echo',
    );
  });

  it('refuses a cluster with the id of another one, and takes it once that id is free', async () => {
    const agent = await started();
    const rival = { ...north, id: east.id };
    world.link(rival);
    await world.remote(rival);
    await world.settle(10 * seconds);
    expect(cluster(agent, north)).toMatchObject({
      state: 'refused',
      reason: 'cluster id 2 is already used by cluster east',
    });
    expect(agent.status().conflicts).toMatchObject([{ kind: 'cluster-id', cluster: 'north', holder: 'east' }]);
    world.unlink(east);
    await world.settle(minutes);
    expect(cluster(agent, north)).toMatchObject({ state: 'ready', clusterId: 2 });
  });

  it('refuses a configuration that is none of this mesh, and keeps what it has read (I4)', async () => {
    const agent = await started();
    await world.announce(east, {}, 300);
    await world.settle(minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'refused', datapath: 'stale' });
    expect(cluster(agent, east)?.reason).toContain('cluster id 300');
    expect(chosen(agent)).toEqual(both);
  });

  it('says what is wrong with a file, and keeps what it has read (I4)', async () => {
    const agent = await started();
    world.spoil(east, 'east: endpoints: are missing');
    await world.settle(20 * minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'refused', reason: 'east: endpoints: are missing' });
    expect(cluster(agent, east)?.lastError).toBe('east: endpoints: are missing');
    expect(chosen(agent)).toEqual(both);
  });

  it('has no link to its own cluster', async () => {
    const agent = await started();
    world.link(west);
    await world.settle(minutes);
    expect(agent.status().clusters.map(({ name }) => name)).toEqual(['east']);
  });

  it('takes away what a cluster had under the id that it has no more', async () => {
    const agent = await started();
    const renumbered = { ...east, id: 7 as ClusterId };
    await world.announce(east, {}, 7);
    for (const kind of ['nodes', 'identities', 'ip', 'services'] as const) {
      await world.delete(
        ...world
          .storeOf(east)
          .list(kindByName[kind].statePrefix(east.name))
          .map(({ key }) => toCache(kind, key)),
      );
    }
    await world.remote(renumbered, [1]);
    await world.beatFor(2 * minutes, east);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', clusterId: 7 });
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.7.1.1']);
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.7.1.1']);
    expect([...agent.listings.identities('east')].map(({ id }) => id)).toEqual([identityOf(renumbered)]);
    world.link({ ...north, id: east.id });
    await world.remote({ ...north, id: east.id }, [2]);
    await world.settle(minutes);
    expect(cluster(agent, north)).toMatchObject({ state: 'ready', clusterId: 2 });
  });

  it('waits for clusters that are away for --clustermesh-sync-timeout, then is ready without them', async () => {
    world = new LinkWorld();
    await world.local([1]);
    world.link(east).stop();
    const agent = world.start({ syncTimeoutMs: minutes });
    await world.settle();
    expect(agent.notReady()).toBe('waiting for cluster east');
    expect(cluster(agent, east)).toMatchObject({ state: 'syncing', reason: 'connect to east' });
    await world.settle(minutes);
    expect(agent.notReady()).toBeUndefined();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
  });

  it('keeps what its predecessor knew of a cluster that is away, however long, and gives up who has left (I4, I7)', async () => {
    const before = await started();
    world.link(north);
    world.beat(north);
    await world.remote(north, []);
    await world.settle(5 * seconds);
    expect([...world.maps.ipc_cidr.entries()]).toHaveLength(2);
    await world.stop(before);
    world.storeOf(east).stop();
    world.unlink(north);
    const agent = world.start();
    await world.settle(10 * minutes);
    expect(agent.notReady()).toBeUndefined();
    expect(chosen(agent)).toEqual(both);
    // Who of the two is away, and who has left, is known once the one that is left has told its id.
    expect([...world.maps.ipc_cidr.entries()]).toHaveLength(2);
    world.storeOf(east).start();
    world.beat(east);
    await world.settle(minutes);
    expect(chosen(agent)).toEqual(both);
    expect([...world.maps.ipc_cidr.entries()]).toHaveLength(1);
  });

  it('believes no identity that is labelled as one of another cluster, whatever mesh that is of (I6)', async () => {
    const agent = await started('cache');
    const foreign = ['k8s:app=echo', 'k8s:io.cilium.k8s.policy.cluster=far'].map(parseLabel);
    const none = ['k8s:app=echo'].map(parseLabel);
    const doubled = [...foreign, parseLabel('k8s:io.cilium.k8s.policy.cluster=east')];
    for (const [local, labels] of [foreign, none, doubled].entries()) {
      const id = identityOf(east, 10 + local);
      await world.put(`${prefixOf(east, 'identities')}${id}`, identityCodec.encode(labels));
      await world.ip(east, podIp(east, 10 + local), { id: id as IpIdentity['id'] });
    }
    await world.settle();
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejectedNow: 3 });
    expect(addresses(agent)).toEqual(both);
    expect([...agent.listings.identities('east')]).toHaveLength(1);
  });

  it.each(['state', 'cache'] as const)('is at home in a mesh of 511, by %s', async (form) => {
    const far = { name: 'far' as ClusterName, id: 511 as ClusterId };
    world = new LinkWorld(511);
    await world.local([1]);
    world.link(far, form);
    world.link(east, form);
    for (const peer of [far, east]) {
      world.beat(peer);
      await world.remote(peer);
    }
    await world.announce(east, { maxConnectedClusters: 255 });
    const agent = world.start();
    await world.settle();
    expect(cluster(agent, far)).toMatchObject({ state: 'ready', clusterId: 511 });
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.255.1.1']);
    expect([...agent.listings.identities('far')].map(({ id }) => id)).toEqual([511 * 32_768 + 1]);
    expect(cluster(agent, east)).toMatchObject({ state: 'refused' });
    expect(cluster(agent, east)?.reason).toContain('ours is 511, theirs 255');
  });
});

function entryOf(kind: 'ip' | 'services'): string {
  return prefixOf(east, kind) + (kind === 'ip' ? '10.2.1.1' : 'default/echo');
}

/** LinkWorld takes keys as a cache has them. */
function toCache(kind: 'nodes' | 'identities' | 'ip' | 'services', key: string): string {
  const row = kindByName[kind];
  return row.cachePrefix(east.name) + key.slice(row.statePrefix(east.name).length);
}
