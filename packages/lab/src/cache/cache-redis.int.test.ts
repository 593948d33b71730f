import { connectRedis, redisAcl, redisPlace } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import { TestProcess, freePort, tempDir } from '@clustermesh/testkit';
import { describe, expect, it, jest } from '@jest/globals';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

import { CacheRedis } from './cache-redis.ts';

jest.setTimeout(30_000);

const deploy = new URL('../../../../deploy/', import.meta.url);
const { signal } = new AbortController();
const deps = { clock: systemClock, log: silentLogger };

describe('CacheRedis', () => {
  it('lets in who has a Secret of it, over TLS: one to write, one to read, nobody else', async () => {
    await using dir = await tempDir('cache-redis');
    const port = await freePort();
    const redis = new CacheRedis('east', { address: '127.0.0.1', port, dir: join(dir.path, 'redis') });
    await redis.prepare(systemClock);
    const [program = '', ...args] = redis.program.argv;
    const server = new TestProcess(program, args);
    await using ended = new AsyncDisposableStack();
    ended.defer(() => server.end('SIGKILL'));
    await server.printed('Ready to accept connections');
    const open = async (secret: string, use: Parameters<typeof connectRedis>[1]): Promise<KvStore> => {
      const folder = join(dir.path, secret);
      await mkdir(folder, { recursive: true });
      const found = (await redis.secrets('kube-system')).find(({ metadata }) => metadata.name === secret);
      for (const [name, text] of Object.entries(found?.data ?? {})) {
        await writeFile(join(folder, name), Buffer.from(text, 'base64'));
      }
      return connectRedis(redisPlace('--cache', redis.url, folder), use, deps, signal);
    };

    await using writer = await open('clustermesh-cache-writer', { session: true, leaseTtlSeconds: 60 });
    await writer.commit([{ kind: 'put', key: 'cilium/cache/nodes/v1/west/n1', value: Buffer.from('node') }], signal);
    await using reader = await open('clustermesh-cache-reader', { session: false });
    const found = await reader.get('cilium/cache/nodes/v1/west/n1', signal);
    expect(found?.value.toString()).toBe('node');
    const refused = reader.commit([{ kind: 'delete', key: 'cilium/cache/nodes/v1/west/n1' }], signal);
    await expect(refused).rejects.toMatchObject({ code: 'KV_PERMISSION_DENIED' });
    // Without a Secret there is no authority either.
    await expect(open('none', { session: false })).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
  });
});

describe('deploy/redis-cache', () => {
  const read = (path: string): Promise<string> => readFile(new URL(path, deploy), 'utf8');

  it('gives its users the rights that the store needs, and no other', async () => {
    const [off, writer = '', reader = ''] = (await read('redis-cache/users.acl')).split('\n');
    expect(off).toBe('user default off');
    expect(writer.split(' ')).toEqual(['user', 'kvstoremesh', 'on', '>${CACHE_WRITER_PASSWORD}', ...redisAcl.writer]);
    expect(reader.split(' ')).toEqual(['user', 'agent', 'on', '>${CACHE_READER_PASSWORD}', ...redisAcl.reader]);
  });

  it('names Secrets that the manifests mount, and users that there are', async () => {
    const secrets = parseAllDocuments(await read('redis-cache/secrets.yaml')).map((one) => one.toJS() as Secret);
    expect(secrets.map(({ metadata, stringData }) => [metadata.name, stringData.username])).toEqual([
      ['clustermesh-cache-writer', 'kvstoremesh'],
      ['clustermesh-cache-reader', 'agent'],
    ]);
    expect(await read('manifests/30-clustermesh-apiserver.yaml')).toContain('secretName: clustermesh-cache-writer');
    expect(await read('manifests/40-clustermesh-agent.yaml')).toContain('secretName: clustermesh-cache-reader');
  });
});

interface Secret {
  readonly metadata: { readonly name: string };
  readonly stringData: { readonly username: string };
}
