import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';

import { EtcdAuth } from '@clustermesh/kvstore';
import type { EtcdKvStore, KvStore } from '@clustermesh/kvstore';
import { seededRandom, silentLogger, systemClock } from '@clustermesh/runtime';
import { freePort, tempDir } from '@clustermesh/testkit';

import { MeshEtcd, initArguments } from '../testing/mesh-etcd.ts';
import { etcdinitConfig } from './config.ts';
import { etcdinit } from './etcdinit.ts';

const deps = { clock: systemClock, random: seededRandom(1), log: silentLogger };
const users = ['admin-c1', 'local-c1', 'remote', 'agent-c1', 'stranger'] as const;
type User = (typeof users)[number];
const clients = new Map<User, EtcdKvStore>();
let etcd: MeshEtcd;

beforeAll(async () => {
  etcd = await MeshEtcd.start('c1');
  for (const user of users) clients.set(user, await etcd.open(user, { session: user === 'admin-c1' }));
}, 60_000);
afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});

/** 'ok', or the code of the refusal. */
async function attempt(user: User, access: (kv: KvStore, signal: AbortSignal) => Promise<unknown>): Promise<string> {
  const signal = AbortSignal.timeout(10_000);
  try {
    await access(clients.get(user)!, signal);
    return 'ok';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

async function list(kv: KvStore, prefix: string, signal: AbortSignal): Promise<void> {
  for await (const { phase } of kv.watch(prefix, {}, signal)) if (phase === 'list-done') return;
}

describe('etcdinit', () => {
  /** Who may read what; a string for each of `users`, in their order: r for read, - for refused. */
  it.each([
    { access: 'watch', at: 'cilium/.heartbeat', want: 'rrrr-' },
    { access: 'get', at: 'cilium/cluster-config/c1', want: 'rrrr-' },
    { access: 'get', at: 'cilium/cluster-config/c2', want: 'rr-r-' },
    { access: 'watch', at: 'cilium/cluster-config/', want: 'rr-r-' },
    { access: 'watch', at: 'cilium/state/', want: 'r-rr-' },
    { access: 'watch', at: 'cilium/state/nodes/v1/c1/', want: 'r-rr-' },
    { access: 'watch', at: 'cilium/state', want: 'r----' },
    { access: 'watch', at: 'cilium/cache/nodes/v1/c2/', want: 'rr-r-' },
    { access: 'watch', at: 'cilium/synced/c1/', want: 'rrrr-' },
    { access: 'watch', at: 'cilium/synced/c2/', want: 'rr-r-' },
    { access: 'watch', at: 'cilium/synced/', want: 'rr-r-' },
    { access: 'watch', at: 'cilium/', want: 'r----' },
    { access: 'get', at: 'cilium/.has-cluster-config', want: 'r----' },
    { access: 'watch', at: 'clustermesh/freshness/', want: 'r--r-' },
    { access: 'get', at: 'elsewhere', want: 'r----' },
  ])('lets $want $access $at', async ({ access, at, want }) => {
    const results = await Promise.all(
      users.map((user) =>
        attempt(user, (kv, signal) => (access === 'get' ? kv.get(at, signal) : list(kv, at, signal))),
      ),
    );
    expect(results).toEqual(Array.from(want, (letter) => (letter === 'r' ? 'ok' : 'KV_PERMISSION_DENIED')));
  });

  it.each([
    { at: 'cilium/state/nodes/v1/c1/n1', op: 'put' },
    { at: 'cilium/cache/nodes/v1/c2/n1', op: 'put' },
    { at: 'cilium/state/nodes/v1/c1/n1', op: 'delete' },
  ] as const)('lets only the admin $op $at', async ({ at, op }) => {
    const write = op === 'put' ? { kind: op, key: at, value: Buffer.from('x') } : { kind: op, key: at };
    const results = await Promise.all(
      users.map((user) =>
        attempt(user, async (kv, signal) => {
          const { refused } = await kv.commit([write], signal);
          if (refused[0] !== undefined) throw refused[0].error;
        }),
      ),
    );
    expect(results).toEqual(['ok', ...users.slice(1).map(() => 'KV_PERMISSION_DENIED')]);
  });

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
