import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connectRedis, redisPlace } from '@clustermesh/kvstore';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import { TestEtcd, TestRedis, freePort, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';
import {
  cacheOwnerKey,
  canaryKey,
  clusterName,
  etcdUsers,
  heartbeatKey,
  kindByName,
  rbacRanges,
  rfc3339,
} from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

import Troubleshoot from './commands/troubleshoot.ts';
import { loadConfig } from './testing/load-config.ts';
import type { ClusterReport } from './troubleshoot/judge.ts';

jest.setTimeout(60_000);

const config = '{"id":2,"capabilities":{"syncedCanaries":true,"maxConnectedClusters":255}}';

function name(text: string): ClusterName {
  const named = clusterName(text);
  if (!named.ok) throw new Error(named.reason);
  return named.value;
}

/** A real etcd with users, which is the remote cluster west and our own at once. */
describe('troubleshoot', () => {
  const west = name('west');
  let etcd: TestEtcd;
  let dir: TempDir;
  let folders = 0;

  beforeAll(async () => {
    dir = await tempDir('troubleshoot');
    etcd = await TestEtcd.start({ tls: true });
    await etcd.ctl('put', 'cilium/cluster-config/west', config);
    for (const kind of ['nodes', 'identities', 'ip', 'services'] as const) {
      await etcd.ctl('put', canaryKey(west, kindByName[kind].stateCanary), 'now');
    }
    await etcd.ctl('put', heartbeatKey, rfc3339(Date.now()));
    const read = rbacRanges('remote', west).map(({ start, end = '' }) => [start, end] as const);
    await etcd.enableAuth([{ user: etcdUsers.remote(), read }]);
  });
  afterAll(async () => {
    await etcd[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  afterEach(() => {
    process.exitCode = undefined;
  });

  async function folder(): Promise<string> {
    const path = join(dir.path, String(folders++));
    await mkdir(path);
    return path;
  }

  async function writeFileFor(path: string, user: string, endpoint = etcd.endpoint, more = ''): Promise<void> {
    const { certFile, keyFile } = await etcd.ca.issue({ commonName: user });
    const files = `trusted-ca-file: ${etcd.ca.certFile}\ncert-file: ${certFile}\nkey-file: ${keyFile}\n`;
    await writeFile(path, `endpoints: ["${endpoint}"]\n${files}${more}`);
  }

  async function run(...argv: readonly string[]): Promise<string> {
    const write = jest.spyOn(console, 'log').mockReturnValue();
    const complain = jest.spyOn(console, 'error').mockReturnValue();
    try {
      await Troubleshoot.run([...argv, '--timeout', '3s'], await loadConfig());
      return [...write.mock.calls, ...complain.mock.calls].map(String).join('\n');
    } finally {
      write.mockRestore();
      complain.mockRestore();
    }
  }

  async function reports(...argv: readonly string[]): Promise<readonly ClusterReport[]> {
    return JSON.parse(await run(...argv, '-o', 'json')) as readonly ClusterReport[];
  }

  it('finds every step of a good link good, of a folder and the own etcd', async () => {
    const path = await folder();
    const alias = 'cilium-host-aliases: [{ hostname: etcd.test, ips: [127.0.0.1] }]\n';
    await writeFileFor(join(path, 'west'), 'remote', `https://etcd.test:${etcd.port}`, alias);
    const own = join(await folder(), 'etcd-config.yaml');
    await writeFileFor(own, 'root');
    const found = await reports('--config-dir', path, '--etcd-config', own, '--cluster-name', 'west');
    const problems = found.flatMap(({ checks }) => checks.filter(({ verdict }) => verdict !== 'ok'));
    // One etcd that is two clusters of one id would be a conflict, were their names not the same.
    expect(problems).toEqual([]);
    expect(found.map(({ cluster, own }) => ({ cluster, own }))).toEqual([
      { cluster: 'west', own: true },
      { cluster: 'west', own: false },
    ]);
    expect(found[1]?.checks.find(({ step }) => step === 'name')?.message).toBe(
      'etcd.test is 127.0.0.1 (cilium-host-aliases)',
    );
    expect(found[1]?.checks.find(({ step }) => step === 'tls')?.message).toMatch(/TLSv1\.3, TLS_\w+, CN=server/);
    expect(process.exitCode).toBeUndefined();
  });

  it.each([
    { of: 'a stranger', user: 'stranger', step: 'access', code: 'KV_PERMISSION_DENIED' },
    { of: 'another name', cluster: 'north', step: 'access', code: 'KV_PERMISSION_DENIED' },
    { of: 'no listener', endpoint: 'https://127.0.0.1:1', step: 'tcp', code: 'HOST_UNREACHABLE' },
    { of: 'no address', endpoint: 'https://west.invalid:2379', step: 'name', code: 'HOST_UNRESOLVED' },
    { of: 'another host name', endpoint: 'alias', step: 'tls', code: 'TLS_NAME_MISMATCH' },
  ])('tells the cause and fails: $of', async ({ user = 'remote', cluster = 'west', endpoint, step, code }) => {
    const path = join(await folder(), cluster);
    const alias = 'cilium-host-aliases: [{ hostname: west.test, ips: [127.0.0.1] }]\n';
    await writeFileFor(path, user, endpoint === 'alias' ? `https://west.test:${etcd.port}` : endpoint, alias);
    const [report] = await reports('--config-dir', path, cluster);
    const [first] = report?.checks.filter(({ verdict }) => verdict === 'failed') ?? [];
    expect(first).toMatchObject({ step, code, advice: expect.stringMatching(/\w/) as unknown });
    expect(process.exitCode).toBe(1);
  });

  it('tells of an etcd whose server is of another CA, and of files that are missing', async () => {
    const path = await folder();
    await using other = await TestEtcd.start({ tls: true });
    await writeFileFor(join(path, 'west'), 'remote', other.endpoint);
    await writeFile(join(path, 'north'), `endpoints: ["${etcd.endpoint}"]\ntrusted-ca-file: gone.crt\n`);
    const text = await run('--config-dir', path);
    expect(text).toMatch(/failed {3}tls .*is not signed by a CA of the trusted CA file: CN=server .*\n +add the CA/);
    expect(text).toMatch(/failed {3}certificates .*gone\.crt does not exist\n +mount the Secret/);
    expect(text).toMatch(/failed: north, west$/);
  });

  it('says in a line that there is no such folder, or no such cluster in it', async () => {
    expect(await run('--config-dir', '/nonexistent')).toMatch(
      /^error: read the remote clusters of \/nonexistent: run it/,
    );
    const path = await folder();
    await writeFileFor(join(path, 'west'), 'remote');
    expect(await run('--config-dir', path, 'east')).toMatch(/^error: no cluster east in \S+: there is west/);
    expect(process.exitCode).toBe(1);
  });

  it.each([
    { owner: 'west', verdict: 'ok', message: 'holds the cache of cluster west' },
    { owner: undefined, verdict: 'warning', message: 'nothing is mirrored there yet' },
    { owner: 'east', verdict: 'failed', message: 'it holds the cache of cluster east, and this is west' },
  ])('says of a Redis that holds the cache of $owner: $verdict', async ({ owner, verdict, message }) => {
    await using redis = await TestRedis.start();
    if (owner !== undefined) {
      const writer = { session: true, leaseTtlSeconds: 60 } as const;
      const { signal } = new AbortController();
      const place = redisPlace('--cache', redis.url, '');
      await using store = await connectRedis(place, writer, { clock: systemClock, log: silentLogger }, signal);
      await store.commit([{ kind: 'put', key: cacheOwnerKey, value: Buffer.from(owner) }], signal);
    }
    const flags = ['--config-dir', await folder(), '--cluster-name=west', `--cache=${redis.url}`];
    expect(await reports(...flags)).toMatchObject([{ own: true, checks: [{ step: 'cache', verdict, message }] }]);
  });

  it('says of a Redis that is not there what it is, and not what an etcd would be', async () => {
    const said = await run('--config-dir', await folder(), `--cache=redis://127.0.0.1:${await freePort()}`);
    expect(said).toMatch(/failed +cache .*ECONNREFUSED[^]*does a Redis run at this address/);
    expect(process.exitCode).toBe(1);
  });

  it('says what to do about a Redis that does not know us', async () => {
    await using redis = await TestRedis.start();
    const flags = ['--config-dir', await folder(), `--cache=redis://agent:secret@127.0.0.1:${redis.port}`];
    const said = await run(...flags);
    expect(said).toMatch(/failed +cache .*WRONGPASS[^]*Secret clustermesh-cache-writer/);
    expect(said).not.toContain('secret');
  });
});
