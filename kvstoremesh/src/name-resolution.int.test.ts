import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it, jest } from '@jest/globals';
import { TestEtcd, TestProcess, eventually, freePort, tempDir } from '@clustermesh/testkit';

jest.setTimeout(60_000);

const program = fileURLToPath(new URL('main.ts', import.meta.url));
const host = 'east.mesh.test';

/** Loopback has many addresses: one of them leads to an etcd, until it is closed. */
class Address implements AsyncDisposable {
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  accepted = 0;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    listener.on('connection', (client) => {
      this.accepted++;
      const server = connect(target, '127.0.0.1');
      for (const socket of [client, server]) this.#sockets.add(socket.on('error', () => undefined));
      client.pipe(server).pipe(client);
    });
  }

  static async listen(address: string, port: number, target: number): Promise<Address> {
    const listener = createServer();
    const opened = new Address(listener, target);
    listener.listen(port, address);
    await once(listener, 'listening');
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#listener.listening) return;
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}

// A hosts file of its own takes a mount namespace, which takes rights.
const itWithMounts = spawnSync('unshare', ['--mount', 'true']).status === 0 ? it : it.skip;

itWithMounts('a name that means another address is followed at the next connection, without a restart', async () => {
  await using dir = await tempDir('names');
  await using east = await TestEtcd.start();
  await using local = await TestEtcd.start();
  await east.ctl('put', 'cilium/cluster-config/east', '{"id":2,"capabilities":{}}');
  const port = await freePort();
  await using before = await Address.listen('127.0.0.2', port, east.port);
  await using after = await Address.listen('127.0.0.3', port, east.port);
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir.path, name), text);
    return join(dir.path, name);
  };
  const clientFile = (endpoint: string): string => `endpoints: ["${endpoint}"]\ninsecure-transport: true\n`;
  await mkdir(join(dir.path, 'clustermesh'));
  await file('clustermesh/east', clientFile(`http://${host}:${port}`));
  const hosts = await file('hosts', `127.0.0.2 ${host}\n`);
  const healthPort = await freePort();
  const flags = {
    ...{ 'cluster-name': 'local', 'cluster-id': '1', 'health-host': '127.0.0.1', 'health-port': String(healthPort) },
    ...{ 'clustermesh-config': join(dir.path, 'clustermesh'), 'etcd-auth': 'off', 'api-serve-addr': '' },
    ...{ 'etcd-config': await file('local', clientFile(local.endpoint)), 'contact-interval': '500ms' },
  };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
  const command = ['sh', '-c', script, hosts, process.execPath, '--conditions=mesh-source', program, ...args];
  const kvstoremesh = new TestProcess('unshare', ['--mount', ...command]);
  await using _ended = { [Symbol.asyncDispose]: () => kvstoremesh.end('SIGKILL') };
  const expectReady = (failures: (count: number) => void): Promise<void> =>
    eventually(
      async () => {
        const response = await fetch(`http://127.0.0.1:${healthPort}/v1/cluster`);
        const [status] = (await response.json()) as { ready: boolean; 'num-failures': number }[];
        expect(status).toMatchObject({ ready: true });
        failures(status?.['num-failures'] ?? 0);
      },
      { timeoutMs: 30_000 },
    );

  await expectReady((count) => expect(count).toBe(0));
  expect([before.accepted > 0, after.accepted]).toEqual([true, 0]);
  await file('hosts', `127.0.0.3 ${host}\n`);
  await before[Symbol.asyncDispose]();
  await eventually(() => expect(after.accepted).toBeGreaterThan(0), { timeoutMs: 30_000 });
  await expectReady((count) => expect(count).toBeGreaterThan(0));
});
