import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Health, silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { TestCa, TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import { connectEtcd, connectEtcdEventually } from './connect.ts';

jest.setTimeout(30_000);

const edges = { clock: systemClock, random: systemRandom, log: silentLogger };

describe('connectEtcd', () => {
  it('goes on with renewed certificates, as soon as they are whole, where the old one is refused', async () => {
    await using dir = await tempDir('renewed');
    const file = (name: string): string => join(dir.path, name);
    const { signal } = new AbortController();
    const [old, renewed] = [await TestCa.create(dir.path, 'Old CA'), await TestCa.create(dir.path, 'Renewed CA')];
    const before = await old.issue({ commonName: 'writer' });
    await writeFile(file('clients-ca.crt'), old.cert);
    await writeFile(file('tls.crt'), before.cert);
    await writeFile(file('tls.key'), before.key);
    await using etcd = await TestEtcd.start({ tls: true, flags: ['--trusted-ca-file', file('clients-ca.crt')] });
    const tls = { ca: etcd.ca.certFile, cert: file('tls.crt'), key: file('tls.key') };
    const config = { endpoints: [etcd.endpoint], tls, hostAliases: new Map<string, string[]>() };
    await using kv = await connectEtcd(config, { session: true, leaseTtlSeconds: 60 }, edges, signal);
    await kv.commit([{ kind: 'put', key: 'a', value: Buffer.from('1') }], signal);

    await writeFile(file('clients-ca.crt'), renewed.cert);
    await etcd.restart();
    await eventually(() => expect(kv.get('a', signal)).rejects.toMatchObject({ code: 'TLS_CLIENT_REJECTED' }));
    const after = await renewed.issue({ commonName: 'writer' });
    await writeFile(file('tls.crt'), after.cert);
    await expect(kv.get('a', signal)).rejects.toMatchObject({ retryable: true });
    await writeFile(file('tls.key'), after.key);
    await eventually(async () => expect((await kv.get('a', signal))?.value).toEqual(Buffer.from('1')));
    await expect(kv.commit([{ kind: 'delete', key: 'a' }], signal)).resolves.toMatchObject({ refused: [] });
  });
});

describe('connectEtcdEventually', () => {
  let etcd: TestEtcd;
  let dir: TempDir;
  let path: string;
  let health: Health;
  let stop: AbortController;
  beforeAll(async () => {
    etcd = await TestEtcd.start({ tls: true });
    dir = await tempDir('connect');
    path = join(dir.path, 'etcd-config.yaml');
  });
  afterAll(async () => {
    await etcd[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await rm(path, { force: true });
    health = new Health(systemClock);
    stop = new AbortController();
  });

  const connect = () => connectEtcdEventually(path, { session: false }, { ...edges, health }, stop.signal);
  async function writeClientFile(ca = etcd.ca.certFile): Promise<void> {
    const { certFile, keyFile } = await etcd.ca.issue({ commonName: 'root' });
    const files = `trusted-ca-file: ${ca}\ncert-file: ${certFile}\nkey-file: ${keyFile}\n`;
    await writeFile(path, `endpoints: ["${etcd.endpoint}"]\n${files}`);
  }
  async function expectDegraded(reason: RegExp): Promise<void> {
    const entry = { name: 'local-etcd', state: 'degraded', reason: expect.stringMatching(reason) as unknown };
    await eventually(() => expect(health.report()).toEqual([expect.objectContaining(entry)]));
  }

  it('waits for the file, its certificates and the server, and says what is missing', async () => {
    await etcd.stop();
    const connecting = connect();
    await expectDegraded(/read the etcd client file .*ENOENT/);
    const ca = join(dir.path, 'ca.crt');
    await writeClientFile(ca);
    await expectDegraded(/the trusted CA file .*ca.crt does not exist/);
    await writeFile(ca, etcd.ca.cert);
    await expectDegraded(/cannot be reached: nothing listens there/);
    await etcd.restart();
    await using kv = await connecting;
    expect(await kv?.get('a', stop.signal)).toBeUndefined();
    expect(health.report()).toMatchObject([{ name: 'local-etcd', state: 'ok' }]);
  });

  it('gives up when it is stopped', async () => {
    const connecting = connect();
    await expectDegraded(/read the etcd client file/);
    stop.abort();
    await expect(connecting).resolves.toBeUndefined();
  });
});
