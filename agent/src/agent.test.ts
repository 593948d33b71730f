import { afterEach, describe, expect, it } from '@jest/globals';
import { pods, services } from '@clustermesh/kube';
import { clusterConfigKey, freshnessKey, ipMask, rfc3339 } from '@clustermesh/wire';
import type { IpIdentity } from '@clustermesh/wire';

import type { Agent } from './agent.ts';
import type { DatapathMaps } from './maps/datapath-maps.ts';
import { decodeIpcacheValue } from './maps/ipcache.ts';

import {
  west,
  east,
  north,
  seconds,
  minutes,
  identityOf,
  podIp,
  nodeIp,
  World,
  endpoints,
  chosen,
  hosts,
  networks,
  addresses,
  cluster,
  prefixOf,
  agentKinds,
} from './testing/world.ts';

describe('createAgent', () => {
  let world: World;
  afterEach(() => world[Symbol.asyncDispose]());

  async function started(): Promise<Agent> {
    const agent = world.start();
    await world.settle();
    return agent;
  }

  it('balances a global service over the backends of every cluster, and knows where each comes from (I5)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1, 2]);
    const agent = await started();
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.2.1.2']);
    const [, remote] = [...agent.listings.backends({ namespace: 'default', name: 'echo' })];
    expect(remote).toMatchObject({
      cluster: 'east',
      key: 'cilium/cache/services/v1/east/default/echo',
      state: 'active',
      frontend: '10.96.0.10:80/TCP',
      port: 8080,
    });
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', reason: '', clusterId: 2 });
    expect(agent.notReady()).toBeUndefined();
  });

  it.each([
    { affinity: 'local', before: ['10.1.1.1'], after: ['10.2.1.1'] },
    { affinity: 'remote', before: ['10.2.1.1'], after: ['10.2.1.1'] },
    { affinity: 'none', before: ['10.1.1.1', '10.2.1.1'], after: ['10.2.1.1'] },
  ])('affinity $affinity: fails over when the local backends are gone', async ({ affinity, before, after }) => {
    world = new World();
    await world.local([1], { 'service.cilium.io/affinity': affinity });
    await world.remote(east);
    const agent = await started();
    expect(chosen(agent)).toEqual(before);
    await world.localPods([]);
    await world.settle();
    expect(chosen(agent)).toEqual(after);
  });

  it('serves this node\u2019s pods under their identity, and follows it', async () => {
    world = new World();
    await world.local([1]);
    await world.pod('echo-1', podIp(west, 1));
    await world.pod('dns', nodeIp(west), true);
    await started();
    expect(endpoints(world.maps)).toEqual([['10.1.1.1', identityOf(west)]]);
    await world.identity(west, identityOf(west, 5));
    await world.ip(west, podIp(west, 1), { id: identityOf(west, 5) as IpIdentity['id'] });
    await world.settle();
    expect(endpoints(world.maps)).toEqual([['10.1.1.1', identityOf(west, 5)]]);
    await world.kube.delete(pods, { namespace: 'default', name: 'echo-1' }, { gracePeriodSeconds: 0 });
    await world.settle();
    expect(endpoints(world.maps)).toEqual([]);
  });

  it('keeps a service to itself whose namespace takes no part in the mesh, whatever the service says', async () => {
    world = new World();
    await world.local([1], { 'service.cilium.io/affinity': 'remote' });
    await world.remote(east);
    await world.namespace(false);
    const agent = await started();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    expect([...agent.listings.services({ namespace: '', name: '' })]).toMatchObject([
      { global: false, affinity: 'none' },
    ]);
    await world.namespace(true);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.2.1.1']);
    await world.namespace(false);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
  });

  it('takes no part by default where so configured', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east);
    const agent = world.start({ defaultGlobalNamespace: false });
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    await world.namespace(true);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
  });

  it('serves pods that are not published as part of the world, and under their identity once they are', async () => {
    world = new World();
    await world.local([]);
    await world.namespace(false);
    await world.pod('private', podIp(west, 5));
    await started();
    expect(endpoints(world.maps)).toEqual([['10.1.1.5', 2]]);
    await world.namespace(true);
    await world.ip(west, podIp(west, 5));
    await world.settle();
    expect(endpoints(world.maps)).toEqual([['10.1.1.5', identityOf(west)]]);
    await world.namespace(false);
    await world.settle();
    // As long as the others know it under its number, its packets must carry that.
    expect(endpoints(world.maps)).toEqual([['10.1.1.5', identityOf(west)]]);
    await world.delete(`${prefixOf(west, 'ip')}${podIp(west, 5)}`);
    await world.settle();
    expect(endpoints(world.maps)).toEqual([['10.1.1.5', 2]]);
  });

  it('knows the node of every address in a pod CIDR of others, also of pods that they do not publish', async () => {
    world = new World();
    await world.local([]);
    await world.remote(east, []);
    const agent = await started();
    const key = 'cilium/cache/nodes/v1/east/node1';
    expect(networks(agent)).toEqual([{ address: '10.2.1.0/24', identity: 9, nodeAddress: nodeIp(east), key }]);
    expect([...world.maps.ipc_cidr.entries()]).toHaveLength(1);
    await world.delete(`${prefixOf(east, 'nodes')}node1`);
    await world.settle();
    expect([...world.maps.ipc_cidr.entries()]).toEqual([]);
  });

  it('counts in Cilium\u2019s words', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1, 2]);
    const agent = await started();
    const text = await agent.metrics.registry.metrics();
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        'cilium_clustermesh_remote_clusters 1',
        'cilium_clustermesh_remote_cluster_readiness_status{target_cluster="east"} 1',
        'cilium_clustermesh_remote_cluster_endpoints{target_cluster="east"} 2',
        'clustermesh_agent_map_entries{map="svc"} 1',
      ]),
    );
    expect(text).toMatch(/clustermesh_agent_programming_duration_seconds_count\{kind="service"\} [1-9]/);
  });

  it('shows an address with its identity, once that is known (I2)', async () => {
    world = new World();
    await world.local([]);
    await world.remote(east);
    const agent = await started();
    const late = identityOf(east, 7);
    await world.ip(east, podIp(east, 9), { id: late as IpIdentity['id'] });
    await world.settle();
    expect(addresses(agent, 'waiting-for-identity')).toEqual(['10.2.1.9']);
    expect(world.maps.ipc_host.maxEntries).toBeGreaterThan(0);
    const shown = (): readonly number[] =>
      [...world.maps.ipc_host.entries()].map(([, value]) => decodeIpcacheValue(value).identity);
    // The nodes, nobody in particular, and the other pod.
    expect(shown().toSorted((left, right) => left - right)).toEqual([0, 1, 6, identityOf(east)]);
    await world.identity(east, late);
    await world.settle();
    expect(addresses(agent)).toEqual(['10.2.1.1', '10.2.1.9']);
    expect(shown()).not.toContain(0);
  });

  it('uses a backend that is listed before its address is there only when there is no other (I2, I4)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east);
    const agent = await started();
    await world.service(east, ['10.2.1.1', '10.2.1.2']);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
    await world.ip(east, '10.2.1.2');
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.2.1.2']);
    await world.delete(`${prefixOf(east, 'ip')}10.2.1.2`, `${prefixOf(east, 'ip')}10.2.1.1`);
    await world.localPods([]);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.2.1.1', '10.2.1.2']);
  });

  it('rejects what does not agree with its key, cluster or range, and goes on (I6)', async () => {
    world = new World();
    await world.local();
    await world.remote(east);
    await world.ip(east, podIp(east, 8), { id: identityOf(north) as IpIdentity['id'] });
    await world.put(`${prefixOf(east, 'ip')}10.2.1.7`, Buffer.from('{not json'));
    const agent = await started();
    expect(cluster(agent, east)).toMatchObject({ rejected: 2, state: 'ready' });
    expect(cluster(agent, east)?.rejections.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['cilium/cache/ip/v1/east/10.2.1.7', 'cilium/cache/ip/v1/east/10.2.1.8']),
    );
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
  });

  it.each([
    { name: 'the local cluster\u2019s id', id: 1, reason: 'cluster id 1 is that of the local cluster' },
    { name: 'another cluster\u2019s id', id: 2, reason: 'cluster id 2 is already used by cluster east' },
    { name: 'id 0', id: 0, reason: 'cluster id 0 is reserved' },
  ])('refuses a cluster with $name and says so', async ({ id, reason }) => {
    world = new World();
    await world.local();
    await world.remote(east);
    await world.config(north, id);
    const agent = await started();
    expect(cluster(agent, north)).toMatchObject({ state: 'refused', reason });
    expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
    const holder = { 0: undefined, 1: 'west', 2: 'east' }[id];
    expect(agent.status().conflicts.map((one) => [one.kind, one.cluster, one.holder, one.subject])).toEqual(
      holder === undefined ? [] : [['cluster-id', 'north', holder, String(id)]],
    );
  });

  it('accepts a refused cluster once the holder of its id has left', async () => {
    world = new World();
    await world.local();
    await world.remote(east);
    await world.config(north, 2);
    const agent = await started();
    await world.deletePrefix('cilium/cache/');
    await world.delete(clusterConfigKey(east.name));
    await world.settle(10 * seconds);
    expect(agent.status().clusters.map(({ name, state }) => [name, state])).toEqual([['north', 'syncing']]);
    expect(agent.status().conflicts).toEqual([]);
  });

  it.each([
    { name: 'another id', id: 7, cached: false },
    { name: 'the mark of a cache', id: 1, cached: true },
  ])('sees by $name that another cluster bears our name, until it is gone', async ({ id, cached }) => {
    world = new World();
    await world.local();
    const agent = await started();
    await world.config(west, id, cached);
    await world.settle();
    expect(agent.status().conflicts).toMatchObject([{ kind: 'cluster-name', cluster: 'west', subject: 'west' }]);
    await world.config(west, 1, false);
    await world.settle();
    expect(agent.status().conflicts).toEqual([]);
  });

  it('shows overlapping pod CIDRs of two clusters once, however many nodes and addresses there are', async () => {
    world = new World();
    await world.local([]);
    await world.remote(east, [1, 2, 3]);
    const agent = await started();
    await world.remote(north, []);
    await world.node(north, { ip: '10.2.0.0', mask: ipMask(16, 4) });
    for (const pod of [1, 2, 3]) await world.ip(north, podIp(east, pod));
    await world.service(north, [podIp(east, 1), podIp(east, 2)]);
    await world.settle();
    expect(agent.status().conflicts.map(({ kind, count, message }) => [kind, count, message])).toEqual([
      [
        'pod-cidr',
        1,
        "pod CIDR 10.2.0.0/16 of cluster north overlaps 10.2.1.0/24 of cluster east: it counts as east's",
      ],
      ['address', 3, "address 10.2.1.1 (and 2 more) of cluster north is cluster east's: packets go to east"],
      [
        ...['backend', 2],
        'backend 10.2.1.1 (and 1 more) that cluster north lists for service default/echo is at an address of cluster east: it is not used',
      ],
    ]);
    expect(chosen(agent)).toEqual(['10.2.1.1', '10.2.1.2', '10.2.1.3']);
    await world.node(north);
    for (const pod of [1, 2, 3]) await world.delete(`${prefixOf(north, 'ip')}${podIp(east, pod)}`);
    await world.service(north, []);
    await world.settle();
    expect(agent.status().conflicts).toEqual([]);
  });

  it('never sends to a pod of ours that only another cluster calls a backend (I6)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, []);
    await world.service(east, ['10.1.1.66']);
    const agent = await started();
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    expect(agent.status().conflicts).toMatchObject([
      { kind: 'backend', cluster: 'east', holder: 'west', key: 'cilium/cache/services/v1/east/default/echo' },
    ]);
    await world.localPods([]);
    await world.settle();
    expect(chosen(agent)).toEqual([]);
  });

  it('keeps everything while its own store cannot be reached, and then applies what it missed (I3, I4)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1, 2]);
    const agent = await started();
    world.server.stop();
    await world.settle(2 * minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.2.1.2']);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', reason: 'no contact with our own cache' });
    world.server.start();
    await world.service(east, ['10.2.1.2']);
    await world.delete(`${prefixOf(east, 'ip')}10.2.1.1`);
    await world.settle(minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
  });

  it('keeps everything when its store comes back empty, until the store is filled again (I3)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1, 2]);
    const agent = await started();
    world.server.wipe();
    await world.settle(2 * minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.2.1.2']);
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.2.1.2']);
    await world.node(west);
    await world.identity(west);
    await world.ip(west, podIp(west, 1));
    await world.canaries(west);
    await world.remote(east, [2]);
    await world.settle(minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
  });

  it('takes keys that vanish in a silence of the mirror for expired leases, not for deletions (I3, I4)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1, 2]);
    const agent = await started();
    await world.settle(10 * minutes);
    await world.deletePrefix('cilium/cache/');
    await world.deletePrefix('cilium/synced/east/');
    await world.delete(clusterConfigKey(east.name));
    await world.settle(2 * minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.2.1.2']);
    expect(cluster(agent, east)).toMatchObject({ state: 'leaving', withheld: 5 });
    await world.remote(east, [2]);
    await world.mirrorFor(2 * minutes, east);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', withheld: 0 });
  });

  it('drains a removed cluster as its mirror deletes it, and forgets it', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    await world.remote(north, [1]);
    const agent = await started();
    await world.delete(clusterConfigKey(east.name));
    await world.mirrorFor(3 * minutes, north);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.3.1.1']);
    expect(cluster(agent, east)).toMatchObject({ state: 'leaving' });
    for (const kind of agentKinds) await world.deletePrefix(prefixOf(east, kind));
    await world.delete(freshnessKey(east.name));
    await world.settle(2 * seconds);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.3.1.1']);
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.3.1.1']);
    expect(agent.status().clusters.map(({ name }) => name)).toEqual(['north']);
  });

  it('drains a removed cluster also when contact with it had been lost long before', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const agent = await started();
    await world.freshness(east, false);
    await world.settle(30 * minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale' });
    await world.delete(clusterConfigKey(east.name));
    await world.settle(3 * minutes);
    for (const kind of agentKinds) await world.deletePrefix(prefixOf(east, kind));
    await world.settle(2 * seconds);
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    expect(agent.status().clusters).toEqual([]);
  });

  it('shows a cluster that its mirror lost as stale, with its age, and empties nothing (I4)', async () => {
    world = new World();
    await world.local([]);
    await world.remote(east, [1]);
    const agent = await started();
    await world.freshness(east, false);
    await world.settle(90 * seconds);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', freshness: { connected: false, ageMs: 90_000 } });
    expect(chosen(agent)).toEqual(['10.2.1.1']);
  });

  it('uses a cluster lost for longer than the TTL only where there is no other, and never empties a service (I4)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const agent = world.start({ staleTtlMs: 2 * minutes });
    await world.settle();
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', datapath: 'fresh' });
    await world.freshness(east, false);
    await world.settle(minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', datapath: 'stale' });
    await world.settle(2 * minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    const reason = expect.stringContaining('only where a service has no others (--stale-ttl)');
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', datapath: 'withdrawn', reason });
    expect(await agent.metrics.registry.metrics()).toContain(
      'clustermesh_agent_remote_cluster_datapath{target_cluster="east",state="withdrawn"} 1',
    );
    await world.localPods([]);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.2.1.1']);
    await world.freshness(east);
    await world.localPods([1]);
    await world.settle();
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
  });

  it('takes a vanished freshness for lost contact: the entries stay, and grow older (I3, I4)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const agent = world.start({ staleTtlMs: 10 * minutes });
    await world.settle();
    await world.delete(freshnessKey(east.name));
    await world.settle(3 * minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', reason: 'its mirror tells nothing of it any more' });
    expect(cluster(agent, east)?.freshness?.ageMs).toBe(3 * minutes + seconds);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
    await world.settle(8 * minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1']);
    await world.freshness(east);
    await world.settle();
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', datapath: 'fresh' });
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
  });

  it('withdraws what a dead mirror left when it is older than the TTL', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const agent = world.start({ staleTtlMs: 10 * minutes });
    await world.settle(11 * minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'stale', datapath: 'withdrawn' });
    expect(chosen(agent)).toEqual(['10.1.1.1']);
  });

  it('lets no skew between the clocks of mirror and node withdraw a cluster that is there', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const agent = world.start({ staleTtlMs: 2 * minutes });
    await world.settle();
    const hourAgo = rfc3339(world.clock.now() - 60 * minutes);
    await world.freshness(east, true, { since: hourAgo, lastContact: hourAgo, writtenAt: hourAgo });
    await world.settle(seconds);
    expect(cluster(agent, east)).toMatchObject({ datapath: 'fresh', freshness: { ageMs: seconds } });
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
  });

  it('never withdraws a cluster whose mirror does not tell its age', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    await world.delete(freshnessKey(east.name));
    const agent = world.start({ staleTtlMs: 2 * minutes });
    await world.settle(30 * minutes);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', datapath: 'fresh' });
    expect(cluster(agent, east)?.freshness).toBeUndefined();
    expect(await agent.metrics.registry.metrics()).not.toContain('age_seconds{target_cluster="east"}');
  });

  it('tells an age without end of a cluster that was never reached', async () => {
    world = new World();
    await world.local([1]);
    await world.config(east);
    await world.freshness(east, false, { lastContact: '' });
    const agent = await started();
    expect(cluster(agent, east)).toMatchObject({ state: 'syncing', datapath: '' });
    expect(await agent.metrics.registry.metrics()).toContain('age_seconds{target_cluster="east"} +Inf');
  });

  it('takes a lost canary for lost contact: nothing is emptied (I3, I4)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const agent = await started();
    await world.deletePrefix('cilium/synced/east/');
    world.server.stop();
    await world.settle(minutes);
    world.server.start();
    await world.settle(10 * minutes);
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
    expect(addresses(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
  });

  it('leaves room for others when a cluster floods it (I1)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, []);
    for (let pod = 0; pod < 200; pod++) await world.ip(east, podIp(east, pod));
    await world.remote(north, [1]);
    const agent = await started();
    expect(addresses(agent)).toHaveLength(1 + 128 + 1);
    expect(cluster(agent, east)).toMatchObject({
      rejected: 72,
      rejections: expect.arrayContaining([expect.objectContaining({ reason: 'more than 128 ip' })]),
    });
    expect(cluster(agent, north)).toMatchObject({ state: 'ready', rejected: 0 });
  });

  it('takes what was over the limit when others have made room', async () => {
    world = new World();
    await world.local([]);
    await world.remote(east, []);
    for (let pod = 0; pod < 200; pod++) await world.ip(east, podIp(east, pod));
    const agent = await started();
    expect(cluster(agent, east)).toMatchObject({ noRoom: 72, rejectedNow: 72 });
    for (let pod = 0; pod < 100; pod++) await world.delete(`${prefixOf(east, 'ip')}${podIp(east, pod)}`);
    await world.settle(minutes);
    expect(addresses(agent)).toHaveLength(100);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', noRoom: 0, rejectedNow: 0, rejected: 72 });
  });

  it('takes addresses behind nodes that there was no room for when there is', async () => {
    world = new World({ node: 6 });
    await world.local([]);
    await world.remote(east, []);
    for (const host of [21, 22, 23, 24]) await world.ip(east, podIp(east, host), { hostIp: `172.30.2.${host}` });
    const agent = await started();
    expect(addresses(agent)).toHaveLength(2);
    expect(cluster(agent, east)).toMatchObject({
      noRoom: 2,
      rejectionReasons: [{ reason: 'no room for its node in the node map', count: 2 }],
    });
    const [gone = ''] = addresses(agent);
    await world.delete(`${prefixOf(east, 'ip')}${gone}`);
    await world.settle(minutes);
    expect(addresses(agent)).toHaveLength(2);
    expect(addresses(agent)).not.toContain(gone);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', noRoom: 1 });
  });

  it('tells what the maps did not take, and takes it when there is room', async () => {
    world = new World({ ipc_host: 5 });
    await world.local([]);
    await world.remote(east, [1]);
    await world.remote(north, [1]);
    await world.ip(west, podIp(west, 9));
    const agent = await started();
    expect(agent.status().datapath).toMatchObject({ refusedAddresses: 1 });
    expect(await agent.metrics.registry.metrics()).toContain('clustermesh_agent_refused_entries{kind="address"} 1');
    const [programmed = ''] = addresses(agent).filter((ip) => ip !== podIp(west, 9));
    await world.delete(`${prefixOf(programmed === podIp(east, 1) ? east : north, 'ip')}${programmed}`);
    await world.settle(minutes);
    expect(agent.status().datapath).toMatchObject({ refusedAddresses: 0, problems: [] });
    expect(addresses(agent)).toHaveLength(2);
  });

  it('counts and explains whatever a hostile cluster publishes, and is not moved by it (I1, I6)', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const services = prefixOf(east, 'services');
    const proto = '"backends":{"__proto__":{"__proto__":{"Protocol":"TCP","Port":1}}},"labels":{"__proto__":"x"}';
    const hostile: Readonly<Record<string, string | Uint8Array>> = {
      [`${services}default/deep`]: `{"backends":${'{"a":'.repeat(50_000)}`,
      [`${services}default/deep2`]: `{"unknown":${'['.repeat(50_000)}`,
      [`${services}default/proto`]: `{"cluster":"east","namespace":"default","name":"proto","clusterID":2,${proto}}`,
      [`${services}__proto__/__proto__`]: '{"cluster":"east","namespace":"__proto__","name":"__proto__","clusterID":2}',
      [`${services}default/huge`]: Buffer.alloc(1_572_200, 0x20),
      [`${services}default/bytes`]: Uint8Array.from({ length: 10_000 }, (_, at) => 128 + (at % 128)),
      [`${services}default/theirs`]: '{"cluster":"north","namespace":"default","name":"theirs","clusterID":3}',
      [`${prefixOf(east, 'ip')}10.2.1.99`]: `{"IP":"10.2.1.99","ID":${identityOf(north)}}`,
      [`${prefixOf(east, 'identities')}99999999999999`]: 'k8s:a=b;',
      [`${prefixOf(east, 'nodes')}../../x`]: '{"Name":"x","Cluster":"east","ClusterID":2}',
    };
    for (const [key, value] of Object.entries(hostile)) await world.put(key, Buffer.from(value as string));
    const agent = await started();
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
    // The one that is taken has names that mean something to JavaScript alone.
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejectedNow: 9 });
    const reasons = cluster(agent, east)?.rejectionReasons.map(
      ({ reason, key }) => `${key.split('/').at(-1) ?? ''}: ${reason}`,
    );
    expect(reasons).toEqual(
      expect.arrayContaining([
        'huge: value of 1572200 bytes, more than 1571840',
        'proto: "__proto__" is not an IP address',
        'theirs: cluster is "north", expected "east"',
      ]),
    );
    expect(Object.prototype).not.toHaveProperty('Protocol');
    for (const key of Object.keys(hostile)) await world.delete(key);
    await world.settle();
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejectedNow: 0 });
  });

  it('knows a node that has as many annotations as Kubernetes allows', async () => {
    world = new World();
    await world.local([1]);
    await world.remote(east, [1]);
    const key = `${prefixOf(east, 'nodes')}node1`;
    const node = JSON.parse(Buffer.from(world.server.get(key)?.value ?? []).toString()) as object;
    await world.put(key, Buffer.from(JSON.stringify({ ...node, Annotations: { large: 'x'.repeat(262_144) } })));
    const agent = await started();
    expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejectedNow: 0 });
    expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
  });

  it('of two claims on one address the owner of the pod CIDR wins, and the loser is shown', async () => {
    world = new World();
    await world.local([]);
    await world.remote(north, []);
    await world.ip(north, '10.2.1.1');
    const agent = await started();
    expect(hosts(agent)).toMatchObject([{ address: '10.2.1.1', cluster: 'north' }]);
    await world.remote(east, [1]);
    await world.settle();
    expect(hosts(agent)).toMatchObject([
      { address: '10.2.1.1', cluster: 'east', state: 'programmed' },
      { address: '10.2.1.1', cluster: 'north', state: 'conflict', reason: 'held by cluster east' },
    ]);
    expect(cluster(agent, north)).toMatchObject({ conflicts: 1 });
    expect(agent.status().conflicts).toEqual([
      {
        ...{ kind: 'address', cluster: 'north', holder: 'east', count: 1, subject: '10.2.1.1' },
        key: 'cilium/cache/ip/v1/north/10.2.1.1',
        message: "address 10.2.1.1 of cluster north is cluster east's: packets go to east",
      },
    ]);
    expect(await agent.metrics.registry.metrics()).toContain(
      'clustermesh_agent_conflicts{cluster="north",kind="address"} 1',
    );
    await world.delete(`${prefixOf(east, 'ip')}10.2.1.1`);
    await world.settle();
    expect(agent.status().conflicts).toEqual([]);
    expect(hosts(agent, 'north')).toMatchObject([{ address: '10.2.1.1', state: 'programmed' }]);
  });

  it('decides a conflict again when the owner of the pod CIDR becomes known', async () => {
    world = new World();
    await world.local([]);
    await world.remote(north, []);
    await world.remote(east, []);
    await world.delete(`${prefixOf(east, 'nodes')}node1`);
    await world.ip(north, '10.2.1.1');
    const agent = await started();
    await world.ip(east, '10.2.1.1');
    await world.settle();
    expect(hosts(agent, 'north')).toMatchObject([{ state: 'programmed' }]);
    await world.node(east);
    await world.settle();
    expect(hosts(agent, 'north')).toMatchObject([{ state: 'conflict' }]);
    expect(hosts(agent, 'east')).toMatchObject([{ state: 'programmed' }]);
  });

  it('a remote cluster never takes an address of ours (I1)', async () => {
    world = new World();
    await world.remote(east, []);
    await world.ip(east, '10.1.1.1');
    await world.local([1]);
    const agent = await started();
    expect(hosts(agent, 'west')).toMatchObject([{ address: '10.1.1.1', state: 'programmed' }]);
    expect(hosts(agent, 'east')).toMatchObject([{ address: '10.1.1.1', state: 'conflict' }]);
  });

  it('keeps every other cluster out of our ranges, whether the address is taken or not (I1)', async () => {
    world = new World();
    await world.remote(east, []);
    await world.ip(east, '10.1.1.77');
    await world.ip(east, nodeIp(west));
    const agent = await started();
    expect(addresses(agent)).toEqual(['10.1.1.77', nodeIp(west)]);
    await world.local([]);
    await world.settle();
    expect(addresses(agent)).toEqual([]);
    // The nodes.
    expect([...world.maps.ipc_host.entries()]).toHaveLength(2);
    expect(addresses(agent, 'conflict')).toEqual(['10.1.1.77', nodeIp(west)]);
    expect(hosts(agent, 'east')[0]).toMatchObject({ cluster: 'east', reason: 'held by cluster west' });
    await world.delete(`${prefixOf(west, 'nodes')}node1`);
    await world.settle();
    expect(addresses(agent)).toEqual(['10.1.1.77', nodeIp(west)]);
    expect(cluster(agent, east)).toMatchObject({ conflicts: 0 });
  });

  it('takes no network that is everybody\u2019s (I1)', async () => {
    world = new World();
    await world.local([]);
    await world.remote(east, []);
    await world.remote(north, []);
    await world.node(north, { ip: '10.0.0.0', mask: ipMask(8, 4) });
    await world.put(
      `${prefixOf(north, 'ip')}0.0.0.0/0`,
      Buffer.from(JSON.stringify({ IP: '0.0.0.0', Mask: 'AAAAAA==', HostIP: nodeIp(north), ID: identityOf(north) })),
    );
    const agent = await started();
    expect(
      cluster(agent, north)
        ?.rejections.map(({ reason }) => reason)
        .sort(),
    ).toEqual([
      "network 0.0.0.0/0 is wider than any node's can be",
      "network 10.0.0.0/8 is wider than any node's can be",
    ]);
    expect(networks(agent)).toMatchObject([{ address: '10.2.1.0/24' }]);
  });

  describe('restart', () => {
    it('writes nothing when nothing changed meanwhile (I7)', async () => {
      world = new World();
      await world.local([1]);
      await world.remote(east, [1, 2]);
      await world.stop(await started());
      const before = snapshot(world.maps);
      const agent = await started();
      await world.settle(2 * minutes);
      expect(snapshot(world.maps)).toEqual(before);
      expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.2.1.2']);
    });

    it('keeps a cluster that cannot be read yet, while local changes apply (I4, I7)', async () => {
      world = new World();
      await world.local([1]);
      await world.remote(east, [1, 2]);
      await world.stop(await started());
      await world.deletePrefix('cilium/synced/east/');
      await world.localPods([2]);
      const agent = await started();
      await world.settle(10 * minutes);
      expect(chosen(agent)).toEqual(['10.1.1.2', '10.2.1.1', '10.2.1.2']);
      expect(addresses(agent, 'restored')).toEqual(['10.2.1.1', '10.2.1.2']);
      await world.service(east, ['10.2.1.2']);
      await world.delete(`${prefixOf(east, 'ip')}10.2.1.1`);
      await world.canaries(east);
      await world.settle();
      expect(chosen(agent)).toEqual(['10.1.1.2', '10.2.1.2']);
      expect(addresses(agent, 'restored')).toEqual([]);
      expect(addresses(agent)).toEqual(['10.1.1.1', '10.2.1.2']);
    });

    it('gives up a cluster that was removed meanwhile, after a wait', async () => {
      world = new World();
      await world.local([1]);
      await world.remote(east, [1]);
      await world.stop(await started());
      for (const kind of agentKinds) await world.deletePrefix(prefixOf(east, kind));
      await world.deletePrefix('cilium/synced/east/');
      await world.delete(clusterConfigKey(east.name));
      const agent = await started();
      expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1']);
      await world.settle(2 * minutes);
      expect(chosen(agent)).toEqual(['10.1.1.1']);
      // Our own pod and node.
      expect([...world.maps.ipc_host.entries()]).toHaveLength(2);
    });

    it('removes services that were deleted meanwhile as soon as ours are known', async () => {
      world = new World();
      await world.local([1]);
      await world.stop(await started());
      await world.kube.delete(services, { namespace: 'default', name: 'echo' });
      expect([...world.maps.svc.entries()]).toHaveLength(1);
      await started();
      expect([...world.maps.svc.entries()]).toHaveLength(0);
    });
  });
});

/** All bytes of all maps. */
function snapshot(maps: DatapathMaps): unknown {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return Object.values(maps).map((map: DatapathMaps[keyof DatapathMaps]) =>
    'bytes' in map ? text(map.bytes) : [...map.entries()].map(([key, value]) => [text(key), text(value)]).sort(),
  );
}
