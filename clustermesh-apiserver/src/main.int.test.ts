import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { KubeClient } from '@clustermesh/kube';
import { pods } from '@clustermesh/kube';
import { KubeApiStore } from '@clustermesh/lab';
import { seededRandom, systemClock } from '@clustermesh/runtime';
import { eventually, freePort, tempDir } from '@clustermesh/testkit';

import { MeshEtcd } from './testing/mesh-etcd.ts';
import { create, populate } from './testing/objects.ts';
import { etcdClientFile, runProgram, serveKube } from './testing/program.ts';
import type { Program } from './testing/program.ts';

describe('clustermesh-apiserver', () => {
  const stack = new AsyncDisposableStack();
  let etcd: MeshEtcd;
  let kube: KubeClient;
  let program: Program;
  let port: number;

  beforeAll(async () => {
    etcd = stack.use(await MeshEtcd.start('east'));
    const { path } = stack.use(await tempDir('apiserver'));
    const store = new KubeApiStore({ clock: systemClock, random: seededRandom(1), serviceCidr: '10.101.0.0/16' });
    kube = store.client();
    await populate(kube);
    await writeFile(join(path, 'kubeconfig'), await serveKube(store, etcd, stack));
    await writeFile(join(path, 'etcd-config.yaml'), await etcdClientFile(etcd));
    port = await freePort();
    program = runProgram([
      ...['clustermesh', '--cluster-name=east', '--cluster-id=1', `--health-port=${port}`, '--health-host=127.0.0.1'],
      ...[`--kubeconfig=${join(path, 'kubeconfig')}`, `--etcd-config=${join(path, 'etcd-config.yaml')}`],
    ]);
    stack.defer(async () => {
      await program.end('SIGTERM');
    });
    await eventually(async () => expect((await get('/readyz')).status).toBe(200), { timeoutMs: 30_000 });
  }, 90_000);
  afterAll(async () => {
    await stack.disposeAsync();
  });

  async function get(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  }

  async function keys(): Promise<string[]> {
    const text = await etcd.ctl('get', '', '--prefix', '--keys-only');
    return text.split('\n').filter((line) => line !== '');
  }

  it('publishes over mutual TLS what protocol.md says, each key on a lease', async () => {
    const published = await keys();
    expect(published.map((key) => key.replace(/\d{5,}$/, '<id>'))).toEqual([
      'cilium/.heartbeat',
      'cilium/cluster-config/east',
      'cilium/state/identities/v1/id/<id>',
      'cilium/state/ip/v1/default/10.1.0.5',
      'cilium/state/nodes/v1/east/n1',
      'cilium/state/services/v1/east/default/web',
      'cilium/synced/east/cilium/state/identities/v1',
      'cilium/synced/east/cilium/state/ip/v1',
      'cilium/synced/east/cilium/state/nodes/v1',
      'cilium/synced/east/cilium/state/serviceexports/v1',
      'cilium/synced/east/cilium/state/services/v1',
      'clustermesh/publisher',
    ]);
    const list = await etcd.ctl('lease', 'list');
    const leased: string[] = [];
    for (const lease of list.split('\n').filter((line) => /^[0-9a-f]{8,}$/.test(line))) {
      const details = JSON.parse(await etcd.ctl('lease', 'timetolive', lease, '--keys', '-w', 'json')) as {
        'granted-ttl': number;
        keys: readonly string[] | null;
      };
      expect(details['granted-ttl']).toBe(900);
      leased.push(...(details.keys ?? []).map((key) => Buffer.from(key, 'base64').toString()));
    }
    expect(leased.toSorted()).toEqual(published);
  });

  it('wrote the canaries after all data, and IPs after identities', async () => {
    const text = await etcd.ctl('get', 'cilium/', '--prefix', '-w', 'json');
    const { kvs } = JSON.parse(text) as { kvs: readonly { key: string; create_revision: number }[] };
    const revisionOf = (part: string): number =>
      kvs.find(({ key }) => Buffer.from(key, 'base64').toString().startsWith(part))?.create_revision ?? NaN;
    for (const kind of ['nodes', 'identities', 'ip', 'services']) {
      const canary = revisionOf(`cilium/synced/east/cilium/state/${kind}/`);
      expect(revisionOf(`cilium/state/${kind}/`)).toBeLessThan(canary);
    }
    expect(revisionOf('cilium/state/identities/')).toBeLessThan(revisionOf('cilium/state/ip/'));
  });

  it('follows changes', async () => {
    await create(kube, {
      ...(await kube.get(pods, { namespace: 'default', name: 'web-0' })),
      metadata: { namespace: 'default', name: 'web-1', labels: { app: 'web' } },
    });
    await kube.delete(pods, { namespace: 'default', name: 'web-0' }, { gracePeriodSeconds: 0 });
    await eventually(async () => {
      const value = await etcd.ctl('get', 'cilium/state/ip/v1/default/10.1.0.5', '--print-value-only');
      expect(JSON.parse(value)).toMatchObject({ K8sPodName: 'web-1' });
    });
  });

  it('tells health and metrics', async () => {
    expect((await get('/healthz')).status).toBe(200);
    const { text } = await get('/metrics');
    for (const kind of ['nodes', 'identities', 'ip', 'services', 'serviceexports']) {
      expect(text).toContain(
        `cilium_clustermesh_apiserver_kvstore_initial_sync_completed{source_cluster="east",scope="${kind}/v1",action="write"} 1`,
      );
    }
    expect(text).toMatch(/^cilium_clustermesh_apiserver_kvstore_sync_queue_size\{.*\} 0$/m);
    expect(text).toMatch(/^cilium_clustermesh_apiserver_bootstrap_seconds 0\.\d+|[1-9]/m);
    expect(text).toMatch(/^clustermesh_apiserver_entries\{resource="nodes"\} 1$/m);
  });

  it('ends in peace on SIGTERM and leaves its keys to their leases', async () => {
    expect(await program.end('SIGTERM')).toBe(0);
    expect(await keys()).toContain('cilium/state/nodes/v1/east/n1');
  });
});

describe('clustermesh-apiserver as a command', () => {
  it.each([
    { args: ['--cluster-name=east', '--cluster-id=0'], code: 2, says: /cluster id 0 is reserved/ },
    { args: ['--help'], code: 0, says: /--clustermesh-default-global-namespace/ },
    { args: ['etcdinit', '--help'], code: 0, says: /--etcd-data-dir/ },
    {
      args: ['clustermesh', '-D', '--cluster-nane=east'],
      code: 2,
      says: /--cluster-nane: did you mean --cluster-name/,
    },
    { args: ['etcdinti'], code: 2, says: /unknown command \\?"etcdinti\\?": there are clustermesh, etcdinit/ },
  ])('answers $args with exit code $code', async ({ args, code, says }) => {
    const program = runProgram(args);
    expect(await program.end()).toBe(code);
    expect(program.output()).toMatch(says);
  });
});
