import { describe, expect, it } from '@jest/globals';

import { cacheUse } from './cache-use.ts';

const redis = { store: 'redis', address: 'rediss://redis:6379', problem: '' };
const etcd = { store: 'etcd', address: '', problem: '' };
const agent = (node: string, cache = redis) => ({ node, cache });

describe('cacheUse', () => {
  it('is silent about the etcd, and about components that do not tell', () => {
    const none = { problems: [], notices: [] };
    expect(cacheUse([{ ...etcd, address: '/etc/etcd.yaml' }], [agent('n1', etcd)])).toEqual(none);
    expect(cacheUse([], [{ node: 'n1' }, agent('n2', { ...etcd, store: '' })])).toEqual(none);
  });

  it('names a Redis that is used', () => {
    const { cache } = cacheUse([redis], [agent('n1')]);
    expect(cache).toEqual({ store: 'redis', address: 'rediss://redis:6379' });
  });

  it('says once why it cannot be written to, and how many nodes cannot read it', () => {
    const away = { ...redis, problem: 'connect to rediss://redis:6379: refused' };
    expect(cacheUse([away, away], [agent('n1', away), agent('n2')]).problems).toEqual([
      'kvstoremesh has no cache: connect to rediss://redis:6379: refused',
      '1 of 2 nodes cannot read the cache: connect to rediss://redis:6379: refused',
    ]);
  });

  it('tells of agents that read another cache than is written', () => {
    expect(cacheUse([redis], [agent('n1', etcd)]).notices).toEqual([
      'agents read the cache in the etcd, and kvstoremesh writes it in rediss://redis:6379',
    ]);
  });
});
