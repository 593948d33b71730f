import { describe, expect, it } from '@jest/globals';

import { parseRedisTarget } from './redis-options.ts';

describe('parseRedisTarget', () => {
  it('takes user, password and database of the URL, and tells people neither', () => {
    const target = parseRedisTarget({ url: 'redis://mesh:p%40ss@cache.test/3' });
    expect(target).toMatchObject({ host: 'cache.test', port: 6_379, username: 'mesh', password: 'p@ss', database: 3 });
    expect(target.tls).toBeUndefined();
    expect(target.description).toBe('redis://cache.test/3');
  });

  it('prefers user and password given beside the URL', () => {
    const target = parseRedisTarget({ url: 'redis://a:b@h:1', username: 'c', password: 'd' });
    expect(target).toMatchObject({ username: 'c', password: 'd', port: 1 });
  });

  it('speaks TLS to rediss://, checked for the name', () => {
    expect(parseRedisTarget({ url: 'rediss://cache.test' }).tls).toEqual({ servername: 'cache.test' });
    expect(parseRedisTarget({ url: 'rediss://[::1]:7000' })).toMatchObject({ host: '::1', port: 7_000, tls: {} });
  });

  it.each([
    { url: 'http://cache.test', why: 'not a redis' },
    { url: 'redis://', why: 'not a redis' },
    { url: 'nonsense with secret', why: 'not a redis' },
    { url: 'redis://h/cache', why: 'number of a database' },
    { url: 'redis://u:%zz@h', why: 'percent-encoded' },
  ])('refuses $url', ({ url, why }) => {
    expect(() => parseRedisTarget({ url })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => parseRedisTarget({ url })).toThrow(why);
    expect(() => parseRedisTarget({ url })).not.toThrow(/secret|%zz/);
  });

  it('refuses certificates without TLS', () => {
    expect(() => parseRedisTarget({ url: 'redis://h', tls: {} })).toThrow('rediss:// is meant');
  });
});
