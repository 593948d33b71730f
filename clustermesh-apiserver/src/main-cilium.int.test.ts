import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  ciliumEndpoints,
  ciliumIdentities,
  ciliumNodes,
  customResourceDefinitions,
  serviceExports,
} from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { KubeApiStore } from '@clustermesh/lab';
import { seededRandom, systemClock } from '@clustermesh/runtime';
import { eventually, freePort, tempDir } from '@clustermesh/testkit';
import { endpointSliceCodec } from '@clustermesh/wire';

import { aCiliumEndpoint, aCiliumIdentity, aCiliumNode, aDefinition, installCilium } from './testing/cilium-objects.ts';
import { MeshEtcd } from './testing/mesh-etcd.ts';
import { aService, aSlice, create } from './testing/objects.ts';
import { etcdClientFile, runProgram, serveKube } from './testing/program.ts';

const oldExports = { ...serviceExports, version: 'v1alpha1' };

describe('clustermesh-apiserver beside Cilium, on an external etcd', () => {
  const stack = new AsyncDisposableStack();
  let etcd: MeshEtcd;
  let kube: KubeClient;
  let usersFile: string;
  let metricsPort: number;

  beforeAll(async () => {
    etcd = stack.use(await MeshEtcd.start('east'));
    const { path } = stack.use(await tempDir('apiserver'));
    const store = new KubeApiStore({ clock: systemClock, random: seededRandom(1), serviceCidr: '10.101.0.0/16' });
    kube = store.client();
    await installCilium(kube);
    await kube.create(ciliumNodes, aCiliumNode('n1', '172.18.0.2', '10.1.0.0/24'));
    await kube.create(ciliumIdentities, aCiliumIdentity(65_666, 'web'));
    await kube.create(ciliumEndpoints, aCiliumEndpoint('web-0', '10.1.0.5', 65_666));
    await create(kube, aService('web'), aSlice('web-a', 'web', ['10.1.0.5']));
    usersFile = join(path, 'users.yaml');
    await writeFile(usersFile, 'users: [{ name: remote-west, role: remote }]');
    await writeFile(join(path, 'kubeconfig'), await serveKube(store, etcd, stack));
    await writeFile(join(path, 'etcd-config.yaml'), await etcdClientFile(etcd));
    const port = await freePort();
    metricsPort = await freePort();
    const program = runProgram([
      ...['--cluster-name=east', '--cluster-id=1', `--health-port=${port}`, '--health-host=127.0.0.1'],
      ...[`--kubeconfig=${join(path, 'kubeconfig')}`, '--source=cilium', '--leader-election'],
      ...[`--kvstore-opt=etcd.config=${join(path, 'etcd-config.yaml')}`, '--kvstore-opt=etcd.qps=100'],
      ...['--endpointslices-export=services-and-endpointslices', '--clustermesh-enable-mcs-api'],
      `--prometheus-serve-addr=127.0.0.1:${metricsPort}`,
      ...['--cluster-users-enabled', `--cluster-users-config-path=${usersFile}`],
    ]);
    stack.defer(async () => {
      await program.end('SIGTERM');
    });
    await eventually(async () => expect(await keys('cilium/synced/')).toHaveLength(6), { timeoutMs: 40_000 });
  }, 90_000);
  afterAll(async () => {
    await stack.disposeAsync();
  });

  async function keys(prefix: string): Promise<string[]> {
    const text = await etcd.ctl('get', prefix, '--prefix', '--keys-only');
    return text.split('\n').filter((line) => line !== '');
  }

  it('publishes Cilium’s objects, services and their slices', async () => {
    expect(await keys('cilium/state/')).toEqual([
      'cilium/state/endpointslices/v1/east/default/web-a',
      'cilium/state/identities/v1/id/65666',
      'cilium/state/ip/v1/default/10.1.0.5',
      'cilium/state/nodes/v1/east/n1',
      'cilium/state/services/v1/east/default/web',
    ]);
    const text = await etcd.ctl('get', 'cilium/state/endpointslices/v1/east/default/web-a', '-w', 'json');
    const [entry] = (JSON.parse(text) as { kvs: readonly { value: string }[] }).kvs;
    expect(endpointSliceCodec.decode(Buffer.from(entry?.value ?? '', 'base64'))).toMatchObject({
      value: { cluster: 'east', name: 'web-a', endpoints: [{ addresses: ['10.1.0.5'], conditions: { ready: true } }] },
    });
  });

  it('answers Prometheus where Cilium’s charts look', async () => {
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    expect(await response.text()).toContain(
      'cilium_clustermesh_apiserver_leader_election_master_status{name="clustermesh-apiserver"} 1',
    );
  });

  it('exports services once the resource is installed, and says that they are valid', async () => {
    await kube.create(customResourceDefinitions, aDefinition(oldExports));
    await kube.create(oldExports, { metadata: { namespace: 'default', name: 'web' } });
    await eventually(
      async () => {
        const { status } = await kube.get(oldExports, { namespace: 'default', name: 'web' });
        expect(status?.conditions).toMatchObject([{ type: 'Valid', status: 'True', reason: 'Valid' }]);
        expect(await keys('cilium/state/serviceexports/')).toEqual(['cilium/state/serviceexports/v1/east/default/web']);
      },
      { timeoutMs: 20_000 },
    );
  }, 30_000);

  it('admits the clusters of the users file while it runs, to what they may read', async () => {
    const west = await etcd.open('remote-west', { session: false });
    const signal = AbortSignal.timeout(20_000);
    expect(await west.get('cilium/state/nodes/v1/east/n1', signal)).toBeDefined();
    await expect(west.get('cilium/cache/nodes/v1/west/n1', signal)).rejects.toMatchObject({
      code: 'KV_PERMISSION_DENIED',
    });
    // Both kinds of user at once, as in auth mode migration.
    const shared = await etcd.open('remote', { session: false });
    expect(await shared.get('cilium/state/nodes/v1/east/n1', signal)).toBeDefined();
    await writeFile(usersFile, 'users: [{ name: remote-north, role: remote }]');
    await eventually(
      async () => {
        expect((await etcd.ctl('user', 'list')).split('\n')).toContain('remote-north');
        expect((await etcd.ctl('user', 'list')).split('\n')).not.toContain('remote-west');
      },
      { timeoutMs: 20_000 },
    );
    await expect(west.get('cilium/state/nodes/v1/east/n1', signal)).rejects.toThrow();
    expect(await shared.get('cilium/state/nodes/v1/east/n1', signal)).toBeDefined();
  }, 30_000);
});
