import { describe, expect, it, jest } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { TestEtcd, TestProcess, eventually, freePort, tempDir } from '@clustermesh/testkit';

import { allowRemote } from './testing/etcd-fixture.ts';
import { name } from './testing/mesh-fixture.ts';

jest.setTimeout(60_000);

const program = fileURLToPath(new URL('main.ts', import.meta.url));

describe('the program', () => {
  it('mirrors from files alone, shows its status, and leaves the cache when it ends', async () => {
    await using dir = await tempDir('main');
    await using east = await TestEtcd.start({ tls: true });
    await using local = await TestEtcd.start({ tls: true });
    await east.ctl('put', 'cilium/cluster-config/east', '{"id":2,"capabilities":{}}');
    await east.ctl('put', 'cilium/state/nodes/v1/east/n1', 'node');
    await allowRemote(east, name('east'));
    const clientFile = async (etcd: TestEtcd, commonName: string): Promise<string> => {
      const { certFile, keyFile } = await etcd.ca.issue({ commonName });
      const files = `trusted-ca-file: ${etcd.ca.certFile}\ncert-file: ${certFile}\nkey-file: ${keyFile}\n`;
      return `endpoints: ["${etcd.endpoint}"]\n${files}`;
    };
    await writeFile(join(dir.path, 'east'), await clientFile(east, 'remote'));
    await writeFile(join(dir.path, 'local'), await clientFile(local, 'admin-local'));
    const port = await freePort();
    const apiPort = await freePort();
    const flags = {
      ...{ 'cluster-name': 'local', 'cluster-id': '1', 'health-host': '127.0.0.1', 'health-port': String(port) },
      ...{ 'clustermesh-config': dir.path, 'kvstore-opt': `etcd.config=${join(dir.path, 'local')},etcd.qps=100` },
      ...{ 'contact-interval': '500ms', 'api-serve-addr': `localhost:${apiPort}`, 'leader-election': 'true' },
    };
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const kvstoremesh = new TestProcess(process.execPath, ['--conditions=mesh-source', program, ...args]);
    const get = async (path: string): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return `${response.status} ${await response.text()}`;
    };

    const off = expect.stringContaining('its authorisation is off');
    await eventually(async () => expect(await get('/healthz')).toEqual(off), { timeoutMs: 30_000 });
    expect(await local.ctl('get', 'cilium/', '--prefix', '--keys-only')).toBe('');
    await local.ctl('user', 'add', 'admin-local', '--no-password');
    await local.ctl('user', 'grant-role', 'admin-local', 'root');
    await local.enableAuth([]);
    await eventually(async () => expect(await get('/readyz')).toBe('200 Ready\n'), { timeoutMs: 40_000 });
    expect(JSON.parse((await get('/v1/cluster')).slice(4))).toMatchObject([
      { name: 'east', state: 'ready', 'num-nodes': 1, config: { retrieved: true, 'cluster-id': 2 } },
    ]);
    expect(await (await fetch(`http://localhost:${apiPort}/v1/cluster`)).json()).toMatchObject([{ name: 'east' }]);
    expect(await local.ctl('get', 'cilium/kvstoremesh-lock/', '--prefix', '--keys-only')).toMatch(
      /^cilium\/kvstoremesh-lock\/[0-9a-f]+$/m,
    );
    expect(await get('/metrics')).toContain(
      'cilium_kvstoremesh_remote_cluster_readiness_status{target_cluster="east"} 1',
    );
    expect(await local.ctl('get', 'cilium/cache/nodes/v1/east/n1', '--print-value-only')).toBe('node\n');
    expect(await local.ctl('get', 'clustermesh/freshness/east', '--print-value-only')).toContain('"connected":true');

    await kvstoremesh.end('SIGTERM');
    expect(await local.ctl('get', 'cilium/kvstoremesh-lock/', '--prefix', '--keys-only')).toBe('');
    for (const line of kvstoremesh.output.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
    expect(await local.ctl('get', 'cilium/cache/nodes/v1/east/n1', '--print-value-only')).toBe('node\n');
  });

  it('says which setting is wrong', async () => {
    const args = ['--conditions=mesh-source', program, '--cluster-name=Local', '--cluster-id=1'];
    await expect(new TestProcess(process.execPath, args).printed('CONFIG_INVALID')).resolves.toBeUndefined();
  });
});
