import { describe, expect, it } from '@jest/globals';

import { defaultLimits } from './limits/remote-limits.ts';
import type { LimitSettings, RemoteLimits } from './limits/remote-limits.ts';
import { MeshFixture, remoteFile } from './testing/mesh-fixture.ts';
import type { FakeRemote } from './testing/mesh-fixture.ts';

const minuteMs = 60_000;

function limited(limits: Partial<RemoteLimits>, totalBytes = defaultLimits.totalBytes): LimitSettings {
  return { ...defaultLimits, perRemote: { ...defaultLimits.perRemote, ...limits }, totalBytes };
}

function meshWith(limits: LimitSettings, after?: MeshFixture): MeshFixture {
  return new MeshFixture({ settings: { limits }, ...(after && { after }) });
}

const service = (cluster: string, name: string): string => `cilium/state/services/v1/${cluster}/demo/${name}`;
const value = (bytes: number): string => 'x'.repeat(bytes);

async function join(mesh: MeshFixture, cluster: string, id: number, names: readonly string[]): Promise<FakeRemote> {
  const remote = mesh.add(cluster, id);
  remote.publish();
  for (const name of names) remote.put(service(cluster, name), value(10));
  mesh.clusters.set(...[...mesh.remotes.keys()].map((name) => remoteFile(name)));
  await mesh.settle();
  return remote;
}

/** What the cache has of a cluster, by the entry's name. */
function cached(mesh: MeshFixture, cluster = 'east'): Record<string, string> {
  const prefix = `cilium/cache/services/v1/${cluster}/demo/`;
  return Object.fromEntries(Object.entries(mesh.cached(prefix)).map(([key, text]) => [key.slice(prefix.length), text]));
}

describe('a remote over its limit of entries', () => {
  it('keeps what is there current, refuses what is new, and says so', async () => {
    await using mesh = meshWith(limited({ maxKeys: 2 }));
    const east = await join(mesh, 'east', 2, ['a', 'b', 'c', 'd']);
    expect(Object.keys(cached(mesh))).toEqual(['a', 'b']);
    expect(mesh.status('east')).toMatchObject({
      ...{ state: 'ready', 'num-shared-services': 2, usage: { keys: 2 } },
      'over-quota': {
        ...{ count: 2, limit: 'keys', kind: 'services', example: 'demo/d', refusals: 2 },
        reason:
          'over the limit of 2 entries (--remote-max-keys): 2 entries are not mirrored, for example services demo/d',
      },
    });
    east.put(service('east', 'a'), 'updated');
    await mesh.settle(minuteMs);
    expect(cached(mesh)).toMatchObject({ a: 'updated' });
    expect(mesh.health.report()).toContainEqual(
      expect.objectContaining({ name: 'remote/east/limits', state: 'degraded' }),
    );
    expect(mesh.mesh.notReady()).toBeUndefined();
  });

  it('is healed when entries go: those that were refused take their places', async () => {
    await using mesh = meshWith(limited({ maxKeys: 2 }));
    const east = await join(mesh, 'east', 2, ['a', 'b', 'c']);
    east.delete(service('east', 'a'));
    await mesh.settle(2 * minuteMs);
    expect(Object.keys(cached(mesh))).toEqual(['b', 'c']);
    expect(mesh.status('east')).not.toHaveProperty(['over-quota']);
    expect(mesh.health.report()).toContainEqual(expect.objectContaining({ name: 'remote/east/limits', state: 'ok' }));
  });

  it('is healed when what was refused goes', async () => {
    await using mesh = meshWith(limited({ maxKeys: 1 }));
    const east = await join(mesh, 'east', 2, ['a', 'b']);
    east.delete(service('east', 'b'));
    await mesh.settle(minuteMs);
    expect(mesh.status('east')).not.toHaveProperty(['over-quota']);
  });

  it('is healed when the limit is raised, without a restart', async () => {
    await using mesh = meshWith(limited({ maxKeys: 2 }));
    await join(mesh, 'east', 2, ['a', 'b', 'c', 'd']);
    mesh.mesh.setLimits({ ...limited({ maxKeys: 2 }), overrides: new Map([['east', { maxKeys: 3 }]]) });
    await mesh.settle(1_000);
    expect(Object.keys(cached(mesh))).toEqual(['a', 'b', 'c']);
    expect(mesh.status('east')?.['over-quota']?.count).toBe(1);
    mesh.mesh.setLimits(defaultLimits);
    await mesh.settle(1_000);
    expect(Object.keys(cached(mesh))).toEqual(['a', 'b', 'c', 'd']);
  });

  it('loses nothing when the limit is lowered, nor by a restart under a lower one (I4)', async () => {
    await using first = meshWith(defaultLimits);
    await join(first, 'east', 2, ['m', 'n', 'o']);
    first.mesh.setLimits(limited({ maxKeys: 1 }));
    await first.settle(5 * minuteMs);
    expect(Object.keys(cached(first))).toEqual(['m', 'n', 'o']);
    await first.stop();
    first.remote('east').put(service('east', 'a'), 'new, and first in the list');
    await using second = meshWith(limited({ maxKeys: 1 }), first);
    second.clusters.set(remoteFile('east'));
    await second.settle(5 * minuteMs);
    first.remote('east').beat();
    await second.settle(minuteMs);
    expect(Object.keys(cached(second))).toEqual(['m', 'n', 'o']);
    expect(second.status('east')).toMatchObject({ state: 'ready', usage: { keys: 3 }, 'over-quota': { count: 1 } });
  });
});

describe('a remote over its limit of bytes', () => {
  it('may grow a little in what it has, not without end, and may always shrink', async () => {
    await using mesh = meshWith(limited({ maxBytes: 1_000 }));
    const east = await join(mesh, 'east', 2, ['a', 'b']);
    east.put(service('east', 'a'), value(850));
    await mesh.settle();
    expect(cached(mesh)['a']).toHaveLength(850);
    east.put(service('east', 'b'), value(900));
    east.put(service('east', 'c'), 'new');
    await mesh.settle();
    expect(cached(mesh)['b']).toHaveLength(10);
    expect(Object.keys(cached(mesh))).toEqual(['a', 'b']);
    expect(mesh.status('east')?.['over-quota']).toMatchObject({ count: 2, limit: 'bytes' });
    east.put(service('east', 'a'), value(20));
    east.put(service('east', 'b'), value(30));
    await mesh.settle(2 * minuteMs);
    expect(Object.values(cached(mesh)).map(({ length }) => length)).toEqual([20, 30, 3]);
    expect(mesh.status('east')).not.toHaveProperty(['over-quota']);
  });

  it('is never over the limit of a value by default: what an etcd takes is mirrored', async () => {
    await using mesh = new MeshFixture();
    const east = await join(mesh, 'east', 2, []);
    east.put(service('east', 'large'), value(1_571_840));
    await mesh.settle(minuteMs);
    expect(cached(mesh)['large']).toHaveLength(1_571_840);
  });

  it('keeps the last value of an entry whose new one is too large, also over a restart', async () => {
    await using first = meshWith(limited({ maxValueBytes: 100 }));
    const east = await join(first, 'east', 2, ['a']);
    east.put(service('east', 'a'), value(101));
    east.put(service('east', 'b'), value(101));
    await first.settle();
    expect(cached(first)).toEqual({ a: value(10) });
    expect(first.status('east')?.['over-quota']).toMatchObject({
      count: 2,
      reason: expect.stringContaining('over the limit of 100 a value (--remote-max-value-bytes)'),
    });
    await first.stop();
    await using second = meshWith(limited({ maxValueBytes: 100 }), first);
    second.clusters.set(remoteFile('east'));
    await second.settle(minuteMs);
    expect(cached(second)).toEqual({ a: value(10) });
    east.delete(service('east', 'a'));
    await second.settle(minuteMs);
    expect(cached(second)).toEqual({});
  });

  it('leaves every other cluster its part of the whole', async () => {
    await using mesh = meshWith(limited({}, 8_000));
    await join(mesh, 'greedy', 2, []);
    const modest = await join(mesh, 'modest', 3, []);
    const greedy = mesh.remote('greedy');
    for (let index = 0; index < 100; index++) greedy.put(service('greedy', `s${index}`), value(100));
    await mesh.settle();
    expect(mesh.status('greedy')?.['over-quota']).toMatchObject({ limit: 'total' });
    for (let index = 0; index < 8; index++) modest.put(service('modest', `s${index}`), value(100));
    await mesh.settle();
    expect(Object.keys(cached(mesh, 'modest'))).toHaveLength(8);
    expect(mesh.status('modest')).not.toHaveProperty(['over-quota']);
  });
});

describe('a remote that changes faster than its rate', () => {
  const rate = { maxChangesPerSecond: 10 };

  it('is copied late, in its last state; deletions do not wait for ever', async () => {
    await using mesh = meshWith(limited(rate));
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const east = await join(mesh, 'east', 2, names);
    for (let round = 0; round < 50; round++) {
      for (const name of names) east.put(service('east', name), `round ${round}`);
      if (round === 49) east.delete(service('east', 's0'));
      await mesh.settle(100);
    }
    expect(mesh.writes.filter((write) => write.includes('/services/')).length).toBeLessThan(250);
    expect(mesh.status('east')?.throttled).toMatchObject({ pending: expect.any(Number) });
    await mesh.settle(20_000);
    expect(cached(mesh)).toEqual(Object.fromEntries(names.slice(1).map((name) => [name, 'round 49'])));
    expect(mesh.status('east')).not.toHaveProperty(['throttled']);
  });

  it('deletes at once what goes, whatever of its additions waits', async () => {
    await using mesh = meshWith(limited(rate));
    const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
    const east = await join(mesh, 'east', 2, names);
    for (const name of names) east.put(service('east', name), 'changed');
    await mesh.settle(1_000);
    expect(mesh.status('east')?.throttled?.pending).toBeGreaterThan(50);
    east.delete(service('east', 's0'));
    await mesh.settle(500);
    expect(mesh.status('east')?.throttled?.pending).toBeGreaterThan(50);
    expect(cached(mesh)).not.toHaveProperty(['s0']);
  });

  it('makes no other cluster wait', async () => {
    await using mesh = meshWith(limited(rate));
    const names = Array.from({ length: 100 }, (_, index) => `s${index}`);
    const flood = await join(mesh, 'flood', 2, names);
    const calm = await join(mesh, 'calm', 3, ['web']);
    for (let round = 0; round < 20; round++) {
      for (const name of names) flood.put(service('flood', name), `round ${round}`);
      calm.put(service('calm', 'web'), `round ${round}`);
      await mesh.settle(100);
      expect(cached(mesh, 'calm')).toEqual({ web: `round ${round}` });
    }
  });

  it('copies a first listing at full speed, whatever its size', async () => {
    await using mesh = meshWith(limited(rate));
    const names = Array.from({ length: 3_000 }, (_, index) => `s${index}`);
    await join(mesh, 'east', 2, names);
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-shared-services': 3_000 });
  });
});

describe('a local store that is full', () => {
  it('keeps what it has and takes deletions; what is new or changed comes when there is space, without being asked', async () => {
    await using mesh = meshWith(defaultLimits);
    const east = await join(mesh, 'east', 2, ['a', 'b', 'c']);
    mesh.localServer.isFull = true;
    east.put(service('east', 'a'), 'waits');
    await mesh.settle();
    east.put(service('east', 'b'), 'changed');
    east.put(service('east', 'd'), 'new');
    east.delete(service('east', 'c'));
    await mesh.settle();
    expect(cached(mesh)).toEqual({ a: value(10), b: value(10) });
    expect(mesh.status('east')).toMatchObject({
      state: 'ready',
      'over-quota': { count: 2, limit: 'space', reason: expect.stringContaining('the local store is full') },
      'not-written': { code: 'KV_NO_SPACE' },
    });
    expect(mesh.mesh.isCacheFull()).toBe(true);
    mesh.localServer.isFull = false;
    await mesh.settle(minuteMs);
    expect(cached(mesh)).toEqual({ a: 'waits', b: 'changed', d: 'new' });
    expect(mesh.status('east')).not.toHaveProperty(['over-quota']);
    expect(mesh.status('east')).not.toHaveProperty(['not-written']);
    expect(mesh.mesh.isCacheFull()).toBe(false);
  });

  it('deletes behind any number of additions, of which few wait in memory', async () => {
    await using mesh = meshWith(defaultLimits);
    const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
    const east = await join(mesh, 'east', 2, names);
    mesh.localServer.isFull = true;
    east.put(service('east', 'n'), 'new');
    await mesh.settle();
    for (let index = 0; index < 3_000; index++) east.put(service('east', `n${index}`), 'new');
    for (const name of names) east.delete(service('east', name));
    await mesh.settle(1_000);
    expect(cached(mesh)).toEqual({});
    expect(mesh.status('east')?.['not-written']?.pending).toBeLessThan(100);
  });

  it('is no reason to announce a set that is not whole', async () => {
    await using mesh = meshWith(defaultLimits);
    const east = mesh.add('east', 2);
    east.publish();
    east.put(service('east', 'a'), 'first');
    mesh.localServer.isFull = true;
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle(20_000);
    expect(mesh.cached('cilium/synced/east/')).toEqual({});
    mesh.localServer.isFull = false;
    await mesh.settle(minuteMs);
    expect(cached(mesh)).toEqual({ a: 'first' });
    expect(mesh.status('east')?.ready).toBe(true);
    const written = mesh.writes.filter((write) => /services\/v1(?:$|\/east\/demo)/.test(write)).slice(-2);
    expect(written).toEqual([
      'put cilium/cache/services/v1/east/demo/a',
      'put cilium/synced/east/cilium/cache/services/v1',
    ]);
  });
});

describe('keys that can be no entry’s', () => {
  it('are passed over and counted, in any number', async () => {
    await using mesh = meshWith(defaultLimits);
    const east = await join(mesh, 'east', 2, ['web']);
    east.put('cilium/state/services/v1/east/', 'no name');
    east.put(`cilium/state/services/v1/east/${'long/'.repeat(300)}`, 'long name');
    await mesh.settle();
    expect(Object.keys(cached(mesh))).toEqual(['web']);
    expect(mesh.status('east')).toMatchObject({ state: 'ready', malformed: { count: 2 } });
  });
});

describe('a cache that is to be written no faster than etcd.qps', () => {
  it('is filled at the pace of the start until it is ready, then at the other; a deletion waits for no additions', async () => {
    await using mesh = new MeshFixture({ settings: { writeRate: { perSecond: 10, whileStarting: 1_000 } } });
    const first = Array.from({ length: 200 }, (_, index) => `s${index}`);
    const east = await join(mesh, 'east', 2, first);
    expect(mesh.status('east')).toMatchObject({ state: 'ready', 'num-shared-services': 200 });
    expect(mesh.mesh.notReady()).toBeUndefined();
    await mesh.settle(2_000);
    for (let index = 0; index < 300; index++) east.put(service('east', `t${index}`), 'v');
    await mesh.settle(1_000);
    east.delete(service('east', 's0'));
    await mesh.settle(4_000);
    expect(Object.keys(cached(mesh)).length).toBeLessThan(300);
    expect(cached(mesh)).not.toHaveProperty(['s0']);
    await mesh.settle(40_000);
    expect(Object.keys(cached(mesh))).toHaveLength(499);
  });
});
