import { afterEach, describe, expect, it } from '@jest/globals';

import { customResourceDefinitions, namespaces, serviceExports, services } from '@clustermesh/kube';
import type { Condition, KubeClient, Resource, ServiceExport } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';

import type { ApiserverSettings } from './settings.ts';
import { aDefinition } from './testing/cilium-objects.ts';
import { aFurtherService, aService, create } from './testing/objects.ts';
import { noExports, oneCluster, stopAll } from './testing/one-cluster.ts';
import type { OneCluster } from './testing/one-cluster.ts';

afterEach(stopAll);

const enabled: Partial<ApiserverSettings> = { exported: { ...noExports, serviceExports: true } };
const ref = { namespace: 'default', name: 'web' };
const key = 'cilium/state/serviceexports/v1/east/default/web';
const canary = 'cilium/synced/east/cilium/state/serviceexports/v1';

function served(version: string): Resource<ServiceExport> {
  return { ...serviceExports, version };
}

async function install(kube: KubeClient, versions: readonly string[]): Promise<void> {
  await kube.create(customResourceDefinitions, aDefinition(serviceExports, versions));
}

function anExport(name: string): ServiceExport {
  return { metadata: { namespace: 'default', name }, spec: { exportedLabels: { team: 'a' } } };
}

async function conditionsOf(kube: KubeClient, version = 'v1beta1'): Promise<readonly Condition[]> {
  return (await kube.get(served(version), ref)).status?.conditions ?? [];
}

async function exporting(versions = ['v1beta1']): Promise<OneCluster> {
  const cluster = oneCluster(enabled);
  await install(cluster.kube, versions);
  await create(cluster.kube, aService('web', {}));
  await cluster.kube.create(served(versions[0] ?? ''), anExport('web'));
  return cluster;
}

describe('service exports', () => {
  it.each([{ versions: ['v1beta1'] }, { versions: ['v1alpha1'] }, { versions: ['v1beta1', 'v1alpha1'] }])(
    'are published, announced and called valid where $versions is served',
    async ({ versions }) => {
      const { clock, etcd, kube, start } = await exporting(versions);
      const { apiserver } = await start();
      await clock.advance(1_000);
      expect(etcd.json(key)).toMatchObject({
        ...{ cluster: 'east', namespace: 'default', name: 'web', labels: { team: 'a' }, type: 'ClusterSetIP' },
        ...{ ports: [{ name: 'http', protocol: 'TCP', port: 80 }], sessionAffinity: 'None', ipFamilies: ['IPv4'] },
        exportCreationTimestamp: '2026-01-01T00:00:00Z',
      });
      expect(etcd.json('cilium/cluster-config/east')).toMatchObject({ capabilities: { serviceExportsEnabled: true } });
      expect(etcd.keys()).toContain(canary);
      expect(apiserver.notReady()).toBeUndefined();
      const [valid, ...others] = await conditionsOf(kube, versions[0]);
      expect(valid).toMatchObject({ type: 'Valid', status: 'True', reason: 'Valid' });
      expect(valid?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
      expect(others).toEqual([]);
    },
  );

  it('are not read where they are not enabled, and have a canary', async () => {
    const cluster = oneCluster();
    await install(cluster.kube, ['v1beta1']);
    await create(cluster.kube, aService('web', {}));
    await cluster.kube.create(serviceExports, anExport('web'));
    await cluster.start();
    expect(cluster.etcd.keys()).toContain(canary);
    expect(cluster.etcd.keys()).not.toContain(key);
    expect(await conditionsOf(cluster.kube)).toEqual([]);
  });

  it('are none where the resource is not installed, ready all the same, and there when it is later', async () => {
    const { clock, etcd, kube, start } = oneCluster(enabled);
    await create(kube, aService('web', {}));
    const { apiserver, health } = await start();
    await clock.advance(10_000);
    expect(apiserver.notReady()).toBeUndefined();
    expect(health.report().find(({ name }) => name === 'watch/serviceexports')?.state).toBe('ok');
    await install(kube, ['v1alpha1']);
    await kube.create(served('v1alpha1'), anExport('web'));
    await clock.advance(10_000);
    expect(etcd.keys()).toContain(key);
  });

  it('go on when the version that was read is not served any more', async () => {
    const { clock, etcd, kube, server, start } = await exporting(['v1alpha1']);
    await start();
    await clock.advance(1_000);
    const { revision } = server;
    const { metadata } = await kube.get(customResourceDefinitions, { name: 'serviceexports.multicluster.x-k8s.io' });
    const { spec } = aDefinition(serviceExports, ['v1beta1', 'v1alpha1']);
    const versions = spec.versions.map((version) => ({ ...version, served: version.name === 'v1beta1' }));
    await kube.update(customResourceDefinitions, { metadata, spec: { ...spec, versions } });
    await clock.advance(60_000);
    await kube.create(serviceExports, anExport('shop'));
    await create(kube, aFurtherService('default', 'shop'));
    await clock.advance(60_000);
    expect(etcd.writesAfter(revision).sort()).toEqual([
      `put ${key.replace('web', 'shop')}`,
      'put cilium/state/services/v1/east/default/shop',
    ]);
  });

  it('come and go with their Service, and say why', async () => {
    const { clock, etcd, kube, start } = await exporting();
    await start();
    const state = async (action: Promise<unknown>): Promise<readonly unknown[]> => {
      await action;
      await clock.advance(1_000);
      const [valid] = await conditionsOf(kube);
      return [etcd.keys().includes(key), valid?.status, valid?.reason];
    };
    expect(await state(Promise.resolve())).toEqual([true, 'True', 'Valid']);
    expect(await state(kube.delete(services, ref))).toEqual([false, 'False', 'NoService']);
    const external = { ...aService('web', {}), spec: { type: 'ExternalName' as const, externalName: 'example.com' } };
    expect(await state(create(kube, external))).toEqual([false, 'False', 'InvalidServiceType']);
    await kube.delete(services, ref);
    expect(await state(create(kube, aService('web', {})))).toEqual([true, 'True', 'Valid']);
    const global = (value: string): unknown => ({
      metadata: { annotations: { 'clustermesh.cilium.io/global': value } },
    });
    const name = { name: 'default' };
    expect(await state(kube.patch(namespaces, name, global('false'), { kind: 'merge' }))).toEqual([
      false,
      'True',
      'Valid',
    ]);
    expect(await state(kube.patch(namespaces, name, global('true'), { kind: 'merge' }))).toEqual([
      true,
      'True',
      'Valid',
    ]);
    await kube.delete(serviceExports, ref);
    await clock.advance(1_000);
    expect(etcd.keys()).not.toContain(key);
  });

  it('keep the conditions of others, and are not written again for what is said already', async () => {
    const { clock, etcd, kube, server, start } = await exporting();
    const object = await kube.get(serviceExports, ref);
    const at = '2025-01-01T00:00:00Z';
    const conditions: Condition[] = [
      { type: 'Conflict', status: 'False', reason: 'NoConflicts', message: '', lastTransitionTime: at },
      { type: 'Valid', status: 'True', reason: 'Valid', message: 'said by the operator', lastTransitionTime: at },
    ];
    await kube.update(serviceExports, { ...object, status: { conditions } }, { subresource: 'status' });
    await start();
    await clock.advance(1_000);
    const before = await kube.get(serviceExports, ref);
    expect(before.status?.conditions).toEqual(conditions);
    const { revision } = server;
    await kube.patch(services, ref, { metadata: { annotations: { a: 'b' } } }, { kind: 'merge' });
    await clock.advance(1_000);
    expect((await kube.get(serviceExports, ref)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(etcd.writesAfter(revision)).toEqual([]);
    await kube.delete(services, ref);
    await clock.advance(1_000);
    expect(await conditionsOf(kube)).toMatchObject([conditions[0], { type: 'Valid', reason: 'NoService' }]);
  });

  it('are published although their conditions may not be written, which shows in health', async () => {
    const { clock, etcd, start } = await exporting();
    const update: KubeClient['update'] = async () => {
      throw new MeshError('KUBE_FORBIDDEN', 'update the status of an export');
    };
    const { apiserver, health } = await start({ update });
    await clock.advance(1_000);
    expect(etcd.keys()).toContain(key);
    expect(apiserver.notReady()).toBeUndefined();
    expect(health.report().find(({ name }) => name === 'serviceexport-conditions')?.state).toBe('degraded');
  });

  it('of a restart say nothing wrong before all Services are known (I7)', async () => {
    const { clock, etcd, kube, server, start } = await exporting();
    const first = await start();
    first.stop.abort();
    await first.running;
    const { revision } = server;
    const { metadata } = await kube.get(serviceExports, ref);
    const list: KubeClient['list'] = async (resource, options, signal) => {
      if (resource.plural === 'services') await clock.sleep(60_000, signal);
      return kube.list(resource, options, signal);
    };
    await start({ list });
    await clock.advance(100_000);
    expect(etcd.writesAfter(revision).filter((write) => write.startsWith('delete'))).toEqual([]);
    expect((await kube.get(serviceExports, ref)).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });
});
