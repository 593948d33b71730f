import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Health, silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import { connectEtcdEventually } from './connect.ts';

jest.setTimeout(30_000);

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

  const connect = () =>
    connectEtcdEventually(
      path,
      { session: false },
      { clock: systemClock, random: systemRandom, log: silentLogger, health },
      stop.signal,
    );
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
