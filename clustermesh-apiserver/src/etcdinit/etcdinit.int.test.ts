import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';

import { EtcdAuth } from '@clustermesh/kvstore';
import { seededRandom, silentLogger, systemClock } from '@clustermesh/runtime';
import { freePort, tempDir } from '@clustermesh/testkit';

import { MeshEtcd, initArguments } from '../testing/mesh-etcd.ts';
import { etcdinitConfig } from './config.ts';
import { etcdinit } from './etcdinit.ts';

const deps = { clock: systemClock, random: seededRandom(1), log: silentLogger };
let etcd: MeshEtcd;

beforeAll(async () => {
  etcd = await MeshEtcd.start('c1');
}, 60_000);
afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});

describe('etcdinit', () => {
  it('leaves no way in without a client certificate', async () => {
    const tls = { ca: etcd.ca.cert };
    using auth = EtcdAuth.connect({ endpoints: [etcd.endpoint], tls }, deps);
    await expect(auth.users(AbortSignal.timeout(5_000))).rejects.toMatchObject({
      code: expect.stringMatching(/^TLS_|^KV_|^HOST_/),
    });
  });

  it('makes exactly the users of the cluster', async () => {
    using auth = EtcdAuth.connect({ endpoints: [etcd.endpoint], tls: await etcd.credentials('root') }, deps);
    const names = await auth.users(AbortSignal.timeout(5_000));
    expect(names.toSorted()).toEqual(['admin-c1', 'agent-c1', 'local-c1', 'remote', 'root']);
  });
});

describe('a second etcdinit', () => {
  it('empties the data directory, keeps the directory itself, and begins anew', async () => {
    await using dir = await tempDir('etcdinit');
    const dataDir = join(dir.path, 'data');
    await mkdir(join(dataDir, 'member'), { recursive: true });
    await writeFile(join(dataDir, 'member', 'rubbish'), 'x');
    const argv = initArguments('c1', dataDir, await freePort(), await freePort());
    for (let run = 0; run < 2; run++) {
      await etcdinit(etcdinitConfig.load({ argv, env: {} }), deps, AbortSignal.timeout(30_000));
    }
    expect(await readdir(join(dataDir, 'member'))).toEqual(['snap', 'wal']);
  });

  it('touches nothing when something else listens at its address: that etcd is somebody’s', async () => {
    await using dir = await tempDir('etcdinit');
    await writeFile(join(dir.path, 'kept'), 'x');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const argv = initArguments('c1', dir.path, port, await freePort());
    const running = etcdinit(etcdinitConfig.load({ argv, env: {} }), deps, AbortSignal.timeout(30_000));
    await expect(running).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await readdir(dir.path)).toEqual(['kept']);
    server.close();
  });

  it('says what etcd said when it does not start', async () => {
    await using dir = await tempDir('etcdinit');
    const argv = [
      ...initArguments('c1', dir.path, await freePort(), await freePort()),
      '--etcd-binary',
      '/nonexistent',
    ];
    const running = etcdinit(etcdinitConfig.load({ argv, env: {} }), deps, AbortSignal.timeout(30_000));
    await expect(running).rejects.toMatchObject({ code: 'COMMAND_FAILED', message: expect.stringContaining('ENOENT') });
  });

  it.each(['', 'Upper', 'a_b'])('refuses the cluster name "%s"', async (name) => {
    const argv = ['--cluster-name', name];
    const running = etcdinit(etcdinitConfig.load({ argv, env: {} }), deps, AbortSignal.timeout(5_000));
    await expect(running).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
