import { describe, expect, it, jest } from '@jest/globals';

import { TestRedis } from './redis.ts';

jest.setTimeout(30_000);

describe('TestRedis', () => {
  it('keeps its data over kill and restart, and is empty after a wipe', async () => {
    await using redis = await TestRedis.start();
    await redis.cli('SET', 'key', 'value');
    await redis.kill();
    await redis.restart();
    expect(await redis.cli('GET', 'key')).toBe('value');
    await redis.restart({ wipe: true });
    expect(await redis.cli('GET', 'key')).toBe('');
  });

  it('comes back with data that was put by', async () => {
    await using redis = await TestRedis.start();
    await redis.cli('SET', 'key', 'old');
    await redis.keep();
    await redis.cli('SET', 'key', 'new');
    await redis.restart({ kept: true });
    expect(await redis.cli('GET', 'key')).toBe('old');
  });

  it('speaks TLS to holders of a certificate', async () => {
    await using redis = await TestRedis.start({ tls: true });
    expect(await redis.cli('PING')).toBe('PONG');
  });
});
