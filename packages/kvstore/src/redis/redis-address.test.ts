import { describe, expect, it } from '@jest/globals';

import { parseRedisUrl } from './redis-address.ts';

describe('parseRedisUrl', () => {
  it('takes user, password and database, and tells people neither of the first two', () => {
    const address = parseRedisUrl('redis://mesh:p%40ss:x@cache.test/3');
    expect(address).toEqual({
      secure: false,
      hosts: [{ host: 'cache.test', port: 6_379 }],
      primary: undefined,
      database: 3,
      username: 'mesh',
      password: 'p@ss:x',
      description: 'redis://cache.test/3',
    });
  });

  it('takes a password without a user', () => {
    expect(parseRedisUrl('redis://:pw@h')).toMatchObject({ username: undefined, password: 'pw' });
  });

  it('takes addresses of both families and ports', () => {
    const [host] = parseRedisUrl('rediss://[::1]:7000').hosts;
    expect(host).toEqual({ host: '::1', port: 7_000 });
    expect(parseRedisUrl('rediss://10.0.0.1/').hosts).toEqual([{ host: '10.0.0.1', port: 6_379 }]);
  });

  it('takes Sentinels, the name of what they watch, and a database', () => {
    const address = parseRedisUrl('rediss+sentinel://u:p@a,b:1,[::1]/my%20cache/2');
    expect(address).toMatchObject({ secure: true, primary: 'my cache', database: 2, username: 'u', password: 'p' });
    const port = 26_379;
    expect(address.hosts).toEqual([{ host: 'a', port }, { host: 'b', port: 1 }, { host: '::1', port }]); // prettier-ignore
    expect(address.description).toBe('rediss+sentinel://a,b:1,[::1]/my%20cache/2');
  });

  it.each([
    { url: 'http://cache.test', why: 'none of redis://' },
    { url: 'redis://', why: 'none of redis://' },
    { url: 'redis://h:port', why: 'none of redis://' },
    { url: 'redis+sentinel://a,,b/name', why: 'none of redis://' },
    { url: 'nonsense with secret', why: 'none of redis://' },
    { url: 'redis://u:secret@h?x=1', why: 'none of redis://' },
    { url: 'redis://u:secret@h/cache', why: 'number of a database' },
    { url: 'redis://u:secret@h/1/2', why: 'number of a database' },
    { url: 'redis+sentinel://h', why: 'name of the primary' },
    { url: 'redis+sentinel://h//1', why: 'name of the primary' },
    { url: 'redis+sentinel://h/name/x', why: 'number of a database' },
    { url: 'redis://a,b', why: 'redis+sentinel:// is meant' },
    { url: 'redis://u:%zz@h', why: 'percent-encoded' },
  ])('refuses $url', ({ url, why }) => {
    expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => parseRedisUrl(url)).toThrow(why);
    expect(() => parseRedisUrl(url)).not.toThrow(/secret|%zz/);
  });
});
