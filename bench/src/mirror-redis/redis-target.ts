import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestRedis, tempDir } from '@clustermesh/testkit';

import type { RedisMirrorFloor } from '../../floors/mirror-redis.ts';
import { Child } from '../child.ts';
import type { TargetKind } from '../mirror/mirror-target.ts';
import type { RedisWatcher } from './redis-watcher.ts';

export const redisTarget: TargetKind = {
  description: 'a Redis with TLS, with an append-only file, without fsync',
  start: async (stack, signal) => {
    // It would rewrite its file in one run and not in the other.
    const config = ['appendfsync no', 'auto-aof-rewrite-percentage 0'];
    const redis = stack.use(await TestRedis.start({ tls: true, config }));
    const { certFile: cert, keyFile: key } = await redis.ca.issue({ commonName: 'bench' });
    const ca = redis.ca.certFile;
    const credentials = stack.use(await tempDir('bench-redis')).path;
    await copyFile(ca, join(credentials, 'ca.crt'));
    await copyFile(cert, join(credentials, 'tls.crt'));
    await copyFile(key, join(credentials, 'tls.key'));
    const { url, port } = redis;
    const file = new URL('./redis-watcher.ts', import.meta.url);
    const watcher = stack.use(new Child<RedisWatcher>(file, signal));
    return {
      clientFile: '',
      flags: { cache: url, 'cache-credentials': credentials },
      watcher: {
        follow: (prefixes) => watcher.ask('follow', { url, credentials, prefixes }),
        take: () => watcher.ask('take'),
        count: async (prefix) => (await watcher.ask('keys', { url, credentials, prefix })).length,
        keys: (prefix) => watcher.ask('keys', { url, credentials, prefix }),
      },
      copyBarely: async (routes) => {
        await using floor = new Child<RedisMirrorFloor>(
          new URL('../../floors/mirror-redis.ts', import.meta.url),
          signal,
        );
        return await floor.ask('run', { routes, target: { port, tls: { ca, cert, key } } });
      },
    };
  },
};
