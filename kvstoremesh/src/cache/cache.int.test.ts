import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { redisAcl, redisPlace } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { Health, seededRandom, silentLogger, systemClock as clock } from '@clustermesh/runtime';
import { TestRedis, eventually, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import { cacheStatus, redisCache } from './cache.ts';
import { CacheClaim } from './cache-claim.ts';

jest.setTimeout(60_000);

const withoutScripts = redisAcl.writer.filter((word) => !word.startsWith('+eval'));

describe('a cache in a Redis', () => {
  let redis: TestRedis;
  let folder: TempDir;
  let stop: AbortController;
  beforeEach(async () => {
    [redis, folder] = [await TestRedis.start(), await tempDir('cache')];
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await redis[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** As kvstoremesh opens it: with user and password in files. */
  async function opening(password: string) {
    const credentials = join(folder.path, 'credentials');
    await mkdir(credentials, { recursive: true });
    await writeFile(join(credentials, 'username'), 'kvstoremesh\n');
    await writeFile(join(credentials, 'password'), password);
    const health = new Health(clock);
    const deps = { clock, random: seededRandom(1), log: silentLogger, health };
    const cache = redisCache(redisPlace('--cache', redis.url, credentials), deps);
    const problem = (): string => cacheStatus(cache, health).problem;
    return { opened: cache.open(60, stop.signal), problem, credentials };
  }

  const allow = (password: string, rules: readonly string[]): Promise<string> =>
    redis.cli('ACL', 'SETUSER', 'kvstoremesh', 'reset', 'on', `>${password}`, ...rules);

  async function close(opened: Promise<KvStore | undefined>): Promise<void> {
    await (await opened)?.[Symbol.asyncDispose]();
  }

  it('is opened once its server is there, and says until then that nobody answers', async () => {
    await allow('pw', redisAcl.writer);
    await redis.kill();
    const { opened, problem } = await opening('pw');
    await eventually(() => expect(problem()).toMatch(/^connect to redis:\/\/127\.0\.0\.1:\d+.*ECONNREFUSED/));
    await redis.restart();
    await allow('pw', redisAcl.writer);
    await close(opened);
    expect(problem()).toBe('');
  });

  it('is opened once the password is right, and never shows one', async () => {
    await allow('right', redisAcl.writer);
    const { opened, problem, credentials } = await opening('wrong');
    await eventually(() => expect(problem()).toMatch(/as kvstoremesh.*WRONGPASS/));
    expect(problem()).not.toMatch(/right|: wrong/);
    await writeFile(join(credentials, 'password'), 'right');
    await close(opened);
    expect(problem()).toBe('');
  });

  it('names the command that its user may not run', async () => {
    await allow('pw', withoutScripts);
    const { opened, problem } = await opening('pw');
    await eventually(() => expect(problem()).toMatch(/no permissions to run the 'eval(?:sha)?' command/));
    await allow('pw', redisAcl.writer);
    await close(opened);
  });

  it('is none that throws keys away when it is short of memory', async () => {
    await allow('pw', redisAcl.writer);
    await redis.cli('CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
    const { opened, problem } = await opening('pw');
    await eventually(() => expect(problem()).toContain('maxmemory-policy allkeys-lru'));
    await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await close(opened);
  });

  it('is another cluster\u2019s as long as that has a writer there', async () => {
    await allow('pw', redisAcl.writer);
    const claims = await Promise.all(
      ['east', 'west'].map(async (cluster) => {
        const { opened } = await opening('pw');
        const kv = await opened;
        if (kv === undefined) throw new Error('not opened');
        const health = new Health(clock);
        const deps = { clock, random: seededRandom(1), log: silentLogger, health };
        return { kv, claim: new CacheClaim({ ...deps, kv, cluster, address: redis.url }) };
      }),
    );
    const [east, west] = claims;
    const running = [east?.claim.run(stop.signal)];
    await east?.claim.held(stop.signal);
    running.push(west?.claim.run(stop.signal));
    await eventually(() => expect(west?.claim.problem).toContain('it holds the cache of cluster east'));
    stop.abort();
    await Promise.all([...running, ...claims.map(({ kv }) => kv[Symbol.asyncDispose]())]);
  });
});
