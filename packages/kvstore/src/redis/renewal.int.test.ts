import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import { FaultProxy, TestCa, TestRedis, eventually, tempDir } from '@clustermesh/testkit';
import type { CertificateFiles } from '@clustermesh/testkit';

import type { KvOp, KvStore } from '../kv-store.ts';
import { connectRedis, redisPlace } from './connect.ts';
import { redisAcl } from './redis-acl.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, log: silentLogger };
const { signal } = new AbortController();

/** Through a proxy that counts connections, with a folder of credentials. */
describe('credentials of a Redis that are renewed while the program runs', () => {
  let stack: AsyncDisposableStack;
  let redis: TestRedis;
  let proxy: FaultProxy;
  let folder: string;
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    folder = stack.use(await tempDir('redis-renewal')).path;
    redis = stack.use(await TestRedis.start({ tls: true }));
    proxy = stack.use(await FaultProxy.listen(redis.port));
    await redis.cli('ACL', 'SETUSER', 'mesh', 'on', '>first', ...redisAcl.writer);
    await writeFile(join(folder, 'username'), 'mesh\n');
    await writeFile(join(folder, 'password'), 'first\n');
    await writeFile(join(folder, 'ca.crt'), redis.ca.cert);
    await renew(await redis.ca.issue({ commonName: 'client' }));
  });
  afterEach(() => stack.disposeAsync());

  async function renew({ cert, key }: CertificateFiles): Promise<void> {
    await writeFile(join(folder, 'tls.crt'), cert);
    await writeFile(join(folder, 'tls.key'), key);
  }

  async function open(): Promise<KvStore> {
    const place = redisPlace('--cache', `rediss://127.0.0.1:${proxy.port}`, folder);
    return stack.use(await connectRedis(place, { session: true, leaseTtlSeconds: 60 }, deps, signal));
  }

  it('serve the next connection: none is ended for them, nothing is lost, and nothing is written again', async () => {
    const store = await open();
    const lost: string[] = [];
    store.onLeaseLost((keys) => lost.push(...keys));
    await store.commit([put('p/a')], signal);
    const { accepted } = proxy;
    const other = await TestCa.create(folder, 'Other CA');
    await writeFile(join(folder, 'ca.crt'), Buffer.concat([redis.ca.cert, other.cert]));
    await writeFile(join(folder, 'password'), 'second\n');
    await redis.cli('ACL', 'SETUSER', 'mesh', '>second', '<first');
    await renew(await redis.ca.issue({ commonName: 'client' }));
    await useServerCertificate(await other.issue({ commonName: 'redis', altNames: ['IP:127.0.0.1'] }));
    await store.commit([put('p/b')], signal);
    expect(proxy.accepted).toBe(accepted);
    proxy.cut();
    await eventually(() => store.commit([put('p/c')], signal));
    expect(proxy.accepted).toBe(accepted + 1);
    expect(lost).toEqual([]);
  });

  it('say what is wrong with them, never the password, until they are right', async () => {
    const store = await open();
    await writeFile(join(folder, 'password'), 'sesame\n');
    proxy.cut();
    const wrong = { code: 'KV_UNAUTHENTICATED', retryable: true, message: expect.not.stringContaining('sesame') };
    await eventually(() => expect(store.commit([put('p/a')], signal)).rejects.toMatchObject(wrong));
    await redis.cli('ACL', 'SETUSER', 'mesh', '>sesame');
    await store.commit([put('p/a')], signal);
  });

  async function useServerCertificate({ certFile, keyFile }: CertificateFiles): Promise<void> {
    await redis.cli('CONFIG', 'SET', 'tls-cert-file', certFile, 'tls-key-file', keyFile);
  }
});

function put(key: string): KvOp {
  return { kind: 'put', key, value: Buffer.from('1') };
}
