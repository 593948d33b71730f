import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { redisPlace } from '@clustermesh/kvstore';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import { tempDir } from '@clustermesh/testkit';

import { cacheStatus, etcdCache, redisCache } from './cache.ts';

function deps() {
  const clock = new FakeClock();
  return { clock, random: seededRandom(1), log: silentLogger, health: new Health(clock) };
}
const redis = (url: string) => redisCache(redisPlace('--cache', url, ''), deps());

describe('etcdCache', () => {
  it.each([
    { endpoints: ['https://127.0.0.1:2379'], want: false },
    { endpoints: ['https://localhost:2379', 'https://[::1]:2379'], want: false },
    { endpoints: ['https://etcd.kube-system.svc:2379'], want: true },
    { endpoints: ['https://127.0.0.1:2379', 'https://10.0.0.7:2379'], want: true },
  ])('takes $endpoints for an etcd that others write to: $want', async ({ endpoints, want }) => {
    await using folder = await tempDir('cache');
    const at = join(folder.path, 'etcd.yaml');
    await writeFile(at, JSON.stringify({ endpoints, 'trusted-ca-file': '/ca.crt' }));
    expect(await etcdCache({ at, needsAuth: true, tuning: {} }, deps()).isShared()).toBe(want);
  });
});

describe('redisCache', () => {
  it.each([
    { url: 'redis://localhost', want: false },
    { url: 'redis://127.0.0.1:6379/2', want: false },
    { url: 'rediss://agent:secret@cache.example.org:6380', want: true },
    { url: 'redis+sentinel://127.0.0.1:26379,10.0.0.7:26379/mymaster', want: true },
  ])('takes $url for a Redis that others write to: $want', async ({ url, want }) => {
    expect(await redis(url).isShared()).toBe(want);
  });

  it('shows where it is, and never a password', () => {
    const { store, address } = redis('rediss://kvstoremesh:secret@cache:6380/2');
    expect({ store, address }).toEqual({ store: 'redis', address: 'rediss://cache:6380/2' });
  });
});

describe('cacheStatus', () => {
  it('says why the cache cannot be written to, while it cannot', () => {
    const { health } = deps();
    const cache = redis('redis://cache');
    expect(cacheStatus(cache, health).problem).toBe('redis://cache has not answered yet');
    health.scope('cache').degraded('connect to redis://cache: refused');
    expect(cacheStatus(cache, health).problem).toBe('connect to redis://cache: refused');
    health.scope('cache').ok();
    health.scope('cache-owner').degraded('it holds the cache of cluster east');
    expect(cacheStatus(cache, health).problem).toBe('it holds the cache of cluster east');
    health.scope('cache-owner').ok();
    expect(cacheStatus(cache, health)).toEqual({ store: 'redis', address: 'redis://cache', problem: '' });
  });
});
