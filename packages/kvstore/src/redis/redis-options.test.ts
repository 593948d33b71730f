import { describe, expect, it } from '@jest/globals';

import { parseRedisUrl } from './redis-address.ts';
import { sentinelTarget, serverTarget } from './redis-options.ts';

const at = { host: 'cache.test', port: 1 };

describe('serverTarget', () => {
  it('prefers user and password given beside the URL, each by itself', () => {
    const address = parseRedisUrl('redis://a:b@h');
    expect(serverTarget(address, at, { username: 'c', password: 'd' }).login).toEqual({ username: 'c', password: 'd' });
    expect(serverTarget(address, at, { password: 'd' }).login).toEqual({ username: 'a', password: 'd' });
  });

  it('speaks TLS to rediss, checked for the name where it has one', () => {
    const address = parseRedisUrl('rediss://cache.test');
    expect(serverTarget(address, at, {}).tls).toEqual({ servername: 'cache.test', allowPartialTrustChain: true });
    expect(serverTarget(address, { host: '::1', port: 1 }, {}).tls).not.toHaveProperty('servername');
  });

  it('refuses certificates without TLS', () => {
    const plain = (): unknown => serverTarget(parseRedisUrl('redis://h'), at, { tls: {} });
    expect(plain).toThrow('rediss is meant');
  });

  it('says which server Sentinels have named', () => {
    const { description } = serverTarget(parseRedisUrl('redis+sentinel://a/name'), at, {});
    expect(description).toBe('redis+sentinel://a/name (cache.test:1)');
  });
});

describe('sentinelTarget', () => {
  it("tells a Sentinel nothing of the server's user", () => {
    const address = parseRedisUrl('redis+sentinel://a:b@h/name/3');
    const target = sentinelTarget(address, { host: '::1', port: 1 }, { username: 'a', password: 'b' });
    expect(target).toMatchObject({ login: {}, database: 0, description: 'Sentinel [::1]:1' });
    const known = sentinelTarget(address, at, { sentinel: { password: 's' } });
    expect(known.login).toEqual({ password: 's' });
  });
});
