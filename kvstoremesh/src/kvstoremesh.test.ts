import { describe, expect, it } from '@jest/globals';

import { MeshError } from '@clustermesh/runtime';
import { freshnessCodec } from '@clustermesh/wire';
import type { Freshness } from '@clustermesh/wire';

import { MeshFixture, remoteFile } from './testing/mesh-fixture.ts';
import type { FakeRemote } from './testing/mesh-fixture.ts';

const service = 'cilium/state/services/v1/east/default/web';
const node = 'cilium/state/nodes/v1/east/n1';
const cachedService = 'cilium/cache/services/v1/east/default/web';
const cachedNode = 'cilium/cache/nodes/v1/east/n1';
const configKey = 'cilium/cluster-config/east';
const freshnessKey = 'clustermesh/freshness/east';
const minuteMs = 60_000;

/** A mesh that mirrors one service and one node of east. */
async function withEast(mesh: MeshFixture): Promise<FakeRemote> {
  const east = mesh.add('east', 2);
  east.publish();
  east.put(service, 'web');
  east.put(node, 'n1');
  mesh.clusters.set(remoteFile('east'));
  await mesh.settle();
  expect(mesh.status('east')?.state).toBe('ready');
  return east;
}

/** Writes since the last look, without those that only tell time. */
function newWrites(mesh: MeshFixture): string[] {
  return mesh.writes.splice(0).filter((write) => write !== `put ${freshnessKey}`);
}

function freshness(mesh: MeshFixture): Freshness | undefined {
  const entry = mesh.localServer.get(freshnessKey);
  const decoded = entry && freshnessCodec.decode(entry.value);
  return decoded?.ok === true ? decoded.value : undefined;
}

describe('mirroring', () => {
  it('copies every kind to its name in the cache, bytes untouched', async () => {
    await using mesh = new MeshFixture();
    const east = mesh.add('east', 2);
    east.publish({ endpointSlicesExportMode: 'services-and-endpointslices' });
    east.put(node, '{not even json');
    east.put('cilium/state/identities/v1/id/131072', 'k8s:app=web;');
    east.put('cilium/state/ip/v1/default/10.2.0.1', 'a');
    east.put('cilium/state/ip/v1/default/10.2.0.0/24', 'b');
    east.put(service, 'c');
    east.put('cilium/state/endpointslices/v1/east/default/web-1', '\u0000\u00ff');
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.cached('cilium/cache/')).toEqual({
      'cilium/cache/endpointslices/v1/east/default/web-1': '\u0000\u00ff',
      'cilium/cache/identities/v1/east/id/131072': 'k8s:app=web;',
      'cilium/cache/ip/v1/east/10.2.0.0/24': 'b',
      'cilium/cache/ip/v1/east/10.2.0.1': 'a',
      [cachedNode]: '{not even json',
      [cachedService]: 'c',
    });
  });

  it('follows changes and deletions', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    east.put(service, 'web 2');
    east.delete(node);
    await mesh.settle();
    expect(mesh.cached('cilium/cache/')).toEqual({ [cachedService]: 'web 2' });
  });

  it('writes the config before any data, and each canary after the data of its kind', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    const writes = newWrites(mesh);
    expect(writes[0]).toBe(`put ${configKey}`);
    const serviceAt = writes.indexOf(`put ${cachedService}`);
    expect(serviceAt).toBeGreaterThan(0);
    expect(writes.indexOf('put cilium/synced/east/cilium/cache/services/v1')).toBeGreaterThan(serviceAt);
    expect(Object.keys(mesh.cached('cilium/synced/'))).toHaveLength(6);
  });

  it('announces the config as cached and with canaries, and keeps what it does not know', async () => {
    await using mesh = new MeshFixture();
    const east = mesh.add('east', 2);
    east.put(configKey, '{"id":2,"capabilities":{"maxConnectedClusters":255,"newest":[1]},"more":{"a":"b"}}');
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.cached(configKey)[configKey]).toBe(
      '{"id":2,"capabilities":{"syncedCanaries":true,"cached":true,"maxConnectedClusters":255,"newest":[1]},"more":{"a":"b"}}',
    );
  });

  it('waits for the canary of a kind, and starts without one when the source has none', async () => {
    await using mesh = new MeshFixture();
    const east = mesh.add('east', 2);
    const west = mesh.add('west', 3);
    east.announce();
    east.put(service, 'web');
    west.announce({ syncedCanaries: false });
    west.put('cilium/state/services/v1/west/default/web', 'web');
    mesh.clusters.set(remoteFile('east'), remoteFile('west'));
    await mesh.settle();
    expect(Object.keys(mesh.cached('cilium/cache/services'))).toEqual(['cilium/cache/services/v1/west/default/web']);
    expect(mesh.status('east')).toMatchObject({ state: 'syncing', status: expect.stringContaining('services') });
    east.canaries();
    await mesh.settle();
    expect(mesh.cached('cilium/cache/services')).toHaveProperty([cachedService], 'web');
  });

  it('passes over what a cluster in kvstore mode keeps beside its identities', async () => {
    await using mesh = new MeshFixture();
    const east = mesh.add('east', 2);
    east.announce({ syncedCanaries: false });
    east.put('cilium/state/identities/v1/id/131072', 'k8s:app=web;');
    east.put('cilium/state/identities/v1/value/k8s:app=web;/10.2.0.1', '131072');
    east.put('cilium/state/identities/v1/locks/k8s:app=web;/694d1', '');
    east.put('cilium/state/noderegister/v1/east/n1', '{}');
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    east.put('cilium/state/identities/v1/value/k8s:app=api;/10.2.0.1', '131073');
    east.put('cilium/state/identities/v1/id/131073', 'k8s:app=api;');
    await mesh.settle();
    expect(mesh.cached('cilium/cache/')).toEqual({
      'cilium/cache/identities/v1/east/id/131072': 'k8s:app=web;',
      'cilium/cache/identities/v1/east/id/131073': 'k8s:app=api;',
    });
    expect(mesh.status('east')?.state).toBe('ready');
  });

  it.each([
    { mode: '', says: 'nothing of slices' },
    { mode: 'services-and-endpointslices', says: 'the mode of its source, and has none of its slices (§14.2)' },
  ])('reads another cache where the source is one that says $says', async ({ mode }) => {
    await using mesh = new MeshFixture();
    const east = mesh.add('east', 2);
    east.announce({ cached: true, endpointSlicesExportMode: mode });
    for (const kind of ['nodes', 'identities', 'ip', 'services', 'serviceexports']) {
      east.put(`cilium/synced/east/cilium/cache/${kind}/v1`, 'now');
    }
    east.put('cilium/cache/ip/v1/east/10.2.0.1', 'a');
    east.put('cilium/cache/identities/v1/east/id/131072', 'b');
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.cached('cilium/cache/')).toEqual({
      'cilium/cache/identities/v1/east/id/131072': 'b',
      'cilium/cache/ip/v1/east/10.2.0.1': 'a',
    });
    expect(mesh.status('east')?.state).toBe('ready');
  });

  it('empties and yet announces the kinds that the source has stopped to publish', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    east.announce({ endpointSlicesExportMode: 'endpointslices-only' });
    east.put('cilium/state/endpointslices/v1/east/default/web-1', 'slice');
    await mesh.settle(10_000);
    expect(mesh.cached('cilium/cache/')).toEqual({
      [cachedNode]: 'n1',
      'cilium/cache/endpointslices/v1/east/default/web-1': 'slice',
    });
    expect(Object.keys(mesh.cached('cilium/synced/'))).toHaveLength(6);
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-failures': 0 });
  });
});

describe('a connection that is lost', () => {
  it('keeps the data and says how old it is', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    const lostAt = mesh.clock.now();
    newWrites(mesh);
    east.server.stop();
    await mesh.settle(5 * minuteMs);
    expect(newWrites(mesh)).toEqual([]);
    expect(mesh.cached('cilium/cache/')).toEqual({ [cachedNode]: 'n1', [cachedService]: 'web' });
    const at = `${new Date(lostAt).toISOString().slice(0, 19)}Z`;
    expect(freshness(mesh)).toMatchObject({ connected: false, since: at, lastContact: at, storeId: '3ea' });
    const written = freshness(mesh)?.writtenAt ?? '';
    expect(mesh.clock.now() - Date.parse(written)).toBeLessThanOrEqual(10_000);
    expect(mesh.status('east')).toMatchObject({
      ...{ state: 'waiting', ready: false, connected: false, 'num-shared-services': 1, 'num-nodes': 1 },
      ...{ 'last-error-code': 'HOST_UNREACHABLE', 'last-contact': new Date(lostAt).toISOString() },
    });
  });

  it('goes on where it was: what has not changed is not written again, what has is', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    newWrites(mesh);
    east.server.stop();
    await mesh.settle(minuteMs);
    east.put(service, 'web 2');
    east.delete(node);
    east.server.start();
    await mesh.settle(minuteMs);
    expect(newWrites(mesh).sort()).toEqual([`delete ${cachedNode}`, `put ${cachedService}`]);
    expect(mesh.status('east')).toMatchObject({ state: 'ready' });
    expect(freshness(mesh)).toMatchObject({ connected: true, sourceRevision: String(east.server.revision) });
  });

  it('is tried again ever more slowly, but never more slowly than every 30 s', async () => {
    const dials: number[] = [];
    await using mesh: MeshFixture = new MeshFixture({
      connect: async ({ endpoints }) => {
        dials.push(mesh.clock.monotonicMs());
        throw new MeshError('HOST_UNREACHABLE', `connect to ${endpoints.join()}`);
      },
    });
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle(20 * minuteMs);
    const gaps = dials.slice(1).map((at, index) => at - (dials[index] ?? 0));
    expect(gaps[0]).toBeLessThanOrEqual(1000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000);
    expect(Math.min(...gaps.slice(30))).toBeGreaterThanOrEqual(15_000);
    expect(mesh.status('east')?.['num-failures']).toBe(dials.length);
  });

  it('is noticed by the heartbeat', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    newWrites(mesh);
    await mesh.settle(2 * minuteMs - 1);
    expect(mesh.status('east')?.['num-failures']).toBe(0);
    await mesh.settle(2);
    expect(mesh.status('east')).toMatchObject({ 'num-failures': 1, 'last-error': 'no heartbeat for 120 s' });
    expect(mesh.missedHeartbeats).toBe(1);
    east.beat();
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('ready');
    expect(newWrites(mesh)).toEqual([]);
  });

  it('counts again when the heart beats again, not when its store answers: what is stale does not look fresh between', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    await mesh.settle(2 * minuteMs + 1);
    const seen = new Set<string | undefined>();
    for (let second = 0; second < 300; second++) {
      await mesh.settle(1_000);
      seen.add(mesh.status('east')?.state);
      expect(mesh.status('east')?.connected).toBe(false);
      expect(freshness(mesh)).toMatchObject({ connected: false });
    }
    expect([...seen]).not.toContain('ready');
    east.put('cilium/state/services/v1/east/default/late', 'while it was silent');
    await mesh.settle(minuteMs);
    const late = 'cilium/cache/services/v1/east/default/late';
    expect(mesh.cached(late)).toEqual({ [late]: 'while it was silent' });
    east.beat();
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('ready');
    expect(freshness(mesh)).toMatchObject({ connected: true });
  });

  it('is noticed by asking when the source answers no more', async () => {
    let isStuck = false;
    await using mesh: MeshFixture = new MeshFixture({
      connect: async ({ cluster }) => {
        const store = mesh.remote(cluster).connect();
        const get = store.get.bind(store);
        return Object.assign(store, {
          get: (key: string, signal: AbortSignal) => (isStuck ? new Promise(() => undefined) : get(key, signal)),
        });
      },
    });
    await withEast(mesh);
    isStuck = true;
    await mesh.settle(30_000);
    expect(mesh.status('east')).toMatchObject({ 'last-error-code': 'TIMEOUT', 'num-failures': 1 });
  });
});

describe('a source that comes back empty', () => {
  it('loses nothing in the cache before its canaries are back, then what is gone', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    newWrites(mesh);
    east.server.wipe();
    east.announce();
    east.beat();
    await mesh.settle(minuteMs);
    east.put(service, 'web');
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('syncing');
    expect(newWrites(mesh)).toEqual([]);
    east.canaries();
    await mesh.settle();
    expect(newWrites(mesh)).toEqual([`delete ${cachedNode}`]);
    expect(mesh.status('east')?.state).toBe('ready');
  });

  it('is not trusted to go on at a revision that it has reached again', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    east.server.stop();
    await mesh.settle(5000);
    const { revision } = east.server;
    east.server.wipe();
    east.publish();
    while (east.server.revision < revision + 5n) east.put(service, `new ${east.server.revision}`);
    east.server.start();
    await mesh.settle(minuteMs);
    expect(mesh.cached('cilium/cache/')).toEqual({ [cachedService]: `new ${revision + 4n}` });
  });
});

describe('the config of a source', () => {
  it('is waited for, and then missed with a hint', async () => {
    await using mesh = new MeshFixture();
    const east = mesh.add('east', 2);
    east.beat();
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.status('east')).toMatchObject({
      state: 'configuring',
      status: 'connected to https://east:2379, waiting for cilium/cluster-config/east',
    });
    await mesh.settle(minuteMs);
    east.beat();
    await mesh.settle(minuteMs);
    east.beat();
    await mesh.settle(minuteMs + 30_000);
    expect(mesh.status('east')).toMatchObject({
      'last-error-code': 'CLUSTER_CONFIG_MISSING',
      'last-error': expect.stringContaining('is it really named east'),
    });
    east.publish();
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('ready');
  });

  it.each([
    ['text', '{', 'CLUSTER_CONFIG_INVALID', /cluster-config\/east of the remote cluster/],
    ['an id out of range', '{"id":300}', 'CLUSTER_CONFIG_INVALID', /cluster id 300 is above 255/],
    ['no id', '{"capabilities":{}}', 'CLUSTER_CONFIG_INVALID', /cluster id 0 is reserved/],
    ['the local id', '{"id":1}', 'CLUSTER_ID_CONFLICT', /^clusterID 1 is assigned to the local cluster;/],
    ['too much text', `{"id":2,"x":"${'x'.repeat(20_000)}"}`, 'CLUSTER_CONFIG_INVALID', /more than 16384/],
  ])('is refused when it is %s', async (_what, config, code, message) => {
    await using mesh = new MeshFixture();
    const east = mesh.add('east', 2);
    east.publish();
    east.put(configKey, config);
    east.put(service, 'web');
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.status('east')).toMatchObject({
      ...{ 'last-error-code': code, 'last-error': expect.stringMatching(message), state: 'waiting' },
    });
    expect(mesh.cached('cilium/')).toEqual({});
  });

  it('may not have the id of another cluster until that one is drained', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    mesh.add('west', 2).publish();
    mesh.clusters.set(remoteFile('east'), remoteFile('west'));
    await mesh.settle();
    expect(mesh.status('west')).toMatchObject({
      'last-error-code': 'CLUSTER_ID_CONFLICT',
      'last-error': expect.stringContaining('clusterID 2 is already used by east'),
    });
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-failures': 0 });
    mesh.clusters.set(remoteFile('west'));
    await mesh.settle(minuteMs);
    expect(mesh.status('west')?.state).toBe('waiting');
    await mesh.settle(3 * minuteMs);
    expect(mesh.status('west')?.state).toBe('ready');
  });

  it('is copied when it has another id: the one before is free, and what the source takes back goes', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    const identity = 'identities/v1/east/id/';
    east.put('cilium/state/identities/v1/id/131073', 'k8s:app=web;');
    await mesh.settle();
    east.announce({}, 5);
    east.delete('cilium/state/identities/v1/id/131073');
    east.put('cilium/state/identities/v1/id/327681', 'k8s:app=web;');
    await mesh.settle(10_000);
    expect(mesh.cached(configKey)[configKey]).toContain('"id":5');
    expect(mesh.cached(`cilium/cache/${identity}`)).toEqual({ [`cilium/cache/${identity}327681`]: 'k8s:app=web;' });
    mesh.add('north', 2).publish();
    mesh.clusters.set(remoteFile('east'), remoteFile('north'));
    await mesh.settle();
    expect(mesh.status('east')?.state).toBe('ready');
    expect(mesh.status('north')?.state).toBe('ready');
  });

  it('is taken up to id 511 in a mesh of 511, of members of that mesh alone', async () => {
    await using mesh = new MeshFixture({ settings: { maxConnectedClusters: 511 } });
    mesh.add('far', 511).publish({ maxConnectedClusters: 511 });
    mesh.add('older', 2).publish({ maxConnectedClusters: 0 });
    mesh.clusters.set(remoteFile('far'), remoteFile('older'));
    await mesh.settle();
    expect(mesh.status('far')?.state).toBe('ready');
    expect(mesh.cached('cilium/cluster-config/far')['cilium/cluster-config/far']).toContain(
      '"maxConnectedClusters":511',
    );
    expect(mesh.status('older')?.['last-error']).toContain('ours is 511, theirs 0');
  });

  it.each([
    { what: 'deletes', op: { kind: 'delete', key: configKey } },
    { what: 'changes', op: { kind: 'put', key: configKey, value: Buffer.from('{"id":9,"capabilities":{}}') } },
  ] as const)('is put right when somebody $what the copy, and not written again where nobody did', async ({ op }) => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    const before = mesh.cached(configKey);
    mesh.writes.length = 0;
    mesh.localServer.apply([op], 0);
    for (let minute = 0; minute < 5; minute++) {
      east.beat();
      await mesh.settle(minuteMs);
    }
    expect(mesh.cached(configKey)).toEqual(before);
    for (let minute = 0; minute < 10; minute++) {
      east.beat();
      await mesh.settle(minuteMs);
    }
    expect(newWrites(mesh)).toEqual([`put ${configKey}`]);
  });
});

describe('the file of a cluster', () => {
  it('removed: config, grace, canaries, data by kind, freshness', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    newWrites(mesh);
    mesh.clusters.set();
    await mesh.settle(3 * minuteMs - 1);
    expect(newWrites(mesh)).toEqual([`delete ${configKey}`]);
    expect(mesh.status('east')).toMatchObject({ state: 'leaving', ready: false });
    expect(freshness(mesh)).toMatchObject({ connected: false });
    await mesh.settle(1);
    expect(mesh.writes).toEqual([
      'delete-prefix cilium/synced/east/',
      'delete-prefix cilium/cache/endpointslices/v1/east/',
      'delete-prefix cilium/cache/identities/v1/east/id/',
      'delete-prefix cilium/cache/ip/v1/east/',
      'delete-prefix cilium/cache/nodes/v1/east/',
      'delete-prefix cilium/cache/serviceexports/v1/east/',
      'delete-prefix cilium/cache/services/v1/east/',
      `delete ${freshnessKey}`,
    ]);
    expect(mesh.cached('')).toEqual({});
    expect(mesh.mesh.status()).toEqual([]);
    expect(mesh.health.report()).toEqual([]);
  });

  it('removed for good, although the local store fails in between', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    mesh.clusters.set();
    await mesh.settle(minuteMs);
    mesh.localServer.stop();
    await mesh.settle(10 * minuteMs);
    expect(mesh.status('east')?.state).toBe('draining');
    mesh.localServer.start();
    await mesh.settle(minuteMs);
    expect(mesh.cached('')).toEqual({});
  });

  it('added again within the grace: everything is as it was, and nothing but the config is written', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    const before = mesh.cached('cilium/cache/');
    mesh.clusters.set();
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('leaving');
    east.beat();
    mesh.writes.length = 0;
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.status('east')?.state).toBe('ready');
    expect(newWrites(mesh)).toEqual([`put ${configKey}`]);
    expect(mesh.cached('cilium/cache/')).toEqual(before);
    east.delete(node);
    await mesh.settle(4 * minuteMs);
    expect(mesh.cached('cilium/cache/')).toEqual({ [cachedService]: 'web' });
  });

  it('removed, added and removed again: the grace begins anew', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    mesh.clusters.set();
    await mesh.settle(2 * minuteMs);
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    mesh.clusters.set();
    await mesh.settle(2 * minuteMs);
    expect(mesh.cached('cilium/cache/')).not.toEqual({});
    await mesh.settle(minuteMs);
    expect(mesh.cached('')).toEqual({});
  });

  it('added again while it is drained: a new life begins when all of the old one is gone', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    mesh.clusters.set();
    await mesh.settle(minuteMs);
    mesh.localServer.stop();
    await mesh.settle(2 * minuteMs);
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.status('east')?.state).toBe('draining');
    east.beat();
    mesh.localServer.start();
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('ready');
    east.delete(node);
    await mesh.settle();
    expect(mesh.cached('cilium/cache/')).toEqual({ [cachedService]: 'web' });
  });

  it.each([
    { moment: 'within the grace', afterMs: minuteMs },
    { moment: 'in the middle of the deletion', afterMs: 3 * minuteMs },
  ])('removed by a process that is killed $moment: the next one brings it to an end', async ({ afterMs }) => {
    await using first = new MeshFixture();
    await withEast(first);
    first.clusters.set();
    await first.settle(afterMs - 1);
    first.localServer.apply([{ kind: 'delete-prefix', prefix: 'cilium/synced/east/' }], 0);
    await first.stop();
    expect(first.cached('cilium/cache/')).not.toEqual({});
    await using second = new MeshFixture({ after: first });
    second.clusters.set();
    await second.settle();
    expect(second.status('east')?.state).toBe('leaving');
    expect(second.mesh.notReady()).toBeUndefined();
    await second.settle(3 * minuteMs);
    expect(second.cached('')).toEqual({});
    expect(second.mesh.status()).toEqual([]);
  });

  it('not there for a process that starts, whose predecessor mirrored it: nothing is deleted (I4)', async () => {
    await using first = new MeshFixture();
    await withEast(first);
    await first.stop();
    const before = first.cached('cilium/cache/');
    await using second = new MeshFixture({ after: first });
    second.clusters.set();
    await second.settle(4 * minuteMs);
    expect(second.cached('cilium/cache/')).toEqual(before);
  });

  it('removed before the cluster ever answered is drained as well', async () => {
    await using mesh = new MeshFixture();
    mesh.add('east', 2).server.stop();
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle(minuteMs);
    mesh.clusters.set();
    await mesh.settle(3 * minuteMs);
    expect(mesh.mesh.status()).toEqual([]);
    expect(mesh.cached('')).toEqual({});
  });

  it('with the same content changes nothing, with another one connects again and resumes', async () => {
    let dials = 0;
    await using mesh: MeshFixture = new MeshFixture({
      connect: async ({ cluster }) => {
        dials++;
        return mesh.remote(cluster).connect();
      },
    });
    await withEast(mesh);
    newWrites(mesh);
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(dials).toBe(1);
    mesh.clusters.set(remoteFile('east', 'other'));
    await mesh.settle();
    expect(dials).toBe(2);
    expect(newWrites(mesh)).toEqual([]);
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-failures': 0 });
  });

  it('with renewed certificates goes on over its connection; after a failure they are tried at once', async () => {
    let dials = 0;
    await using mesh: MeshFixture = new MeshFixture({
      connect: async ({ cluster }) => {
        dials++;
        return mesh.remote(cluster).connect();
      },
    });
    await withEast(mesh);
    mesh.clusters.set(remoteFile('east', '1', 'renewed'));
    await mesh.settle(minuteMs);
    expect(dials).toBe(1);
    mesh.remote('east').server.stop();
    await mesh.settle(10 * minuteMs);
    expect(mesh.status('east')?.state).toBe('waiting');
    const before = dials;
    mesh.clusters.set(remoteFile('east', '1', 'renewed again'));
    await mesh.settle(0);
    expect(dials).toBe(before + 1);
  });

  it('that cannot be used any more is shown, and the data kept', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    newWrites(mesh);
    const config = { ok: false, reason: '/mesh/east: endpoints: none' } as const;
    mesh.clusters.set({ name: 'east', hash: 'bad', certificates: '', config });
    await mesh.settle(10 * minuteMs);
    expect(mesh.status('east')).toMatchObject({
      ...{ state: 'unusable', connected: false, status: 'Err: /mesh/east: endpoints: none' },
      ...{ 'last-error-code': 'CONFIG_INVALID', 'num-failures': 1 },
    });
    expect(newWrites(mesh)).toEqual([]);
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.status('east')?.['num-failures']).toBe(1);
  });

  it('of our own cluster is no remote one, and one without a cluster name is shown', async () => {
    await using mesh = new MeshFixture();
    const config = { ok: false, reason: 'no such name' } as const;
    mesh.clusters.set(remoteFile('local'), { name: 'East', hash: '1', certificates: '', config });
    await mesh.settle();
    expect(mesh.mesh.status()).toMatchObject([{ name: 'East', state: 'unusable', status: 'Err: no such name' }]);
  });
});

describe('failure domains (I1)', () => {
  it('a cluster that comes and goes leaves another alone', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    const west = mesh.add('west', 3);
    west.publish();
    mesh.clusters.set(remoteFile('east'), remoteFile('west'));
    await mesh.settle();
    newWrites(mesh);
    for (let round = 0; round < 20; round++) {
      west.server.stop();
      mesh.remote('east').beat();
      await mesh.settle(5000);
      west.server.start();
      await mesh.settle(5000);
    }
    expect(mesh.status('west')?.['num-failures']).toBeGreaterThan(15);
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-failures': 0 });
    expect(newWrites(mesh).filter((write) => write.includes('east'))).toEqual([]);
  });

  it('a cluster that never answers holds up nobody', async () => {
    await using mesh: MeshFixture = new MeshFixture({
      connect: ({ cluster }) =>
        cluster === 'west' ? new Promise(() => undefined) : Promise.resolve(mesh.remote(cluster).connect()),
    });
    mesh.add('east', 2).publish();
    mesh.clusters.set(remoteFile('east'), remoteFile('west'));
    await mesh.settle();
    expect(mesh.status('east')?.state).toBe('ready');
    await mesh.settle(10_000);
    expect(mesh.status('west')).toMatchObject({
      'last-error': 'connect to https://west:2379: not done within 10 s',
      'last-error-code': 'TIMEOUT',
    });
  });

  it('shows what the explanation of a failure says', async () => {
    await using mesh = new MeshFixture({
      connect: async () => Promise.reject(new MeshError('KV_UNAVAILABLE', 'connect')),
      explain: async ({ cluster }) => new MeshError('TLS_CERT_EXPIRED', `the certificate of ${cluster} has expired`),
    });
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.status('east')).toMatchObject({
      status: 'Err: the certificate of east has expired',
      'last-error-code': 'TLS_CERT_EXPIRED',
    });
  });
});

describe('a restart of the process (I7)', () => {
  it('keeps what was mirrored, then deletes only what the source has deleted meanwhile', async () => {
    await using first = new MeshFixture();
    const east = await withEast(first);
    const lastContact = freshness(first)?.lastContact;
    await first.stop();
    east.server.stop();
    east.delete(node);
    await first.settle(minuteMs);

    await using second = new MeshFixture({ after: first });
    second.clusters.set(remoteFile('east'));
    await second.settle(minuteMs);
    expect(second.cached('cilium/cache/')).toEqual({ [cachedNode]: 'n1', [cachedService]: 'web' });
    expect(freshness(second)).toMatchObject({ connected: false, lastContact });

    east.server.start();
    await second.settle(minuteMs);
    expect(newWrites(second).filter((write) => write.startsWith('delete'))).toEqual([`delete ${cachedNode}`]);
    expect(second.cached('cilium/cache/')).toEqual({ [cachedService]: 'web' });
  });

  it('writes nothing and deletes nothing when it ends', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    const before = mesh.cached('');
    newWrites(mesh);
    await mesh.stop();
    expect(newWrites(mesh)).toEqual([]);
    expect(mesh.cached('')).toEqual(before);
  });
});

describe('the local store', () => {
  it('may be away: what changes meanwhile is written when it is back', async () => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    mesh.localServer.stop();
    east.put(service, 'web 2');
    await mesh.settle(30_000);
    mesh.localServer.start();
    await mesh.settle(minuteMs);
    expect(mesh.cached('cilium/cache/services')).toEqual({ [cachedService]: 'web 2' });
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-failures': 0 });
  });

  it('may lose the lease: config, freshness, data and canaries are written again', async () => {
    await using mesh = new MeshFixture();
    await withEast(mesh);
    const before = Object.keys(mesh.cached(''));
    mesh.localServer.revokeLeases();
    expect(mesh.cached('')).toEqual({});
    await mesh.settle(minuteMs);
    expect(Object.keys(mesh.cached(''))).toEqual(before);
  });

  it.each([
    ['as another store', 77n],
    ['as the same store', 1n],
  ])('may come back empty, %s: everything is written again', async (_how, storeId) => {
    await using mesh = new MeshFixture();
    const east = await withEast(mesh);
    const before = Object.keys(mesh.cached(''));
    mesh.localServer.wipe(storeId);
    for (let minute = 0; minute < 6; minute++) {
      east.beat();
      await mesh.settle(minuteMs);
    }
    expect(Object.keys(mesh.cached(''))).toEqual(before);
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-failures': 0 });
  });

  it('may be away at the start', async () => {
    await using mesh = new MeshFixture();
    mesh.localServer.stop();
    mesh.add('east', 2).publish();
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('connecting');
    mesh.localServer.start();
    await mesh.settle(minuteMs);
    expect(mesh.status('east')?.state).toBe('ready');
  });
});

describe('the cache ttl', () => {
  it('withdraws revocable kinds once, keeps the others and all canaries, and brings them back', async () => {
    await using mesh = new MeshFixture({ settings: { cacheTtlMs: 5 * minuteMs } });
    const east = await withEast(mesh);
    newWrites(mesh);
    east.server.stop();
    await mesh.settle(4 * minuteMs);
    expect(newWrites(mesh)).toEqual([]);
    await mesh.settle(10 * minuteMs);
    expect(newWrites(mesh)).toEqual([`delete ${cachedService}`]);
    expect(mesh.mesh.snapshots()).toMatchObject([{ revocations: 1 }]);
    east.server.start();
    await mesh.settle(minuteMs);
    expect(newWrites(mesh)).toEqual([`put ${cachedService}`]);
    expect(mesh.cached('cilium/cache/')).toEqual({ [cachedNode]: 'n1', [cachedService]: 'web' });
  });
});

describe('readiness', () => {
  it('waits for clusters that are connected, a while for others, and is never lost again', async () => {
    await using mesh = new MeshFixture();
    expect(mesh.mesh.notReady()).toContain('has not been read');
    mesh.add('east', 2).announce();
    mesh.add('west', 3).server.stop();
    mesh.clusters.set(remoteFile('east'), remoteFile('west'));
    await mesh.settle();
    expect(mesh.mesh.notReady()).toBe('waiting for east, west');
    await mesh.settle(15_000);
    expect(mesh.mesh.notReady()).toBe('waiting for east');
    mesh.remote('east').canaries();
    await mesh.settle();
    expect(mesh.mesh.notReady()).toBeUndefined();
    mesh.remote('east').server.stop();
    await mesh.settle();
    expect(mesh.mesh.notReady()).toBeUndefined();
  });

  it('does not wait longer than the global timeout', async () => {
    await using mesh = new MeshFixture({ settings: { globalReadyTimeoutMs: minuteMs } });
    mesh.add('east', 2).announce();
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle(minuteMs - 1);
    expect(mesh.mesh.notReady()).toBe('waiting for east');
    await mesh.settle(1);
    expect(mesh.mesh.notReady()).toBeUndefined();
  });
});
