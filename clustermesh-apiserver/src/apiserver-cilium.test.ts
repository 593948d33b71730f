import { afterEach, describe, expect, it } from '@jest/globals';

import {
  ciliumEndpoints,
  ciliumEndpointSlices,
  ciliumIdentities,
  ciliumNodes,
  customResourceDefinitions,
  namespaces,
  nodes,
  pods,
} from '@clustermesh/kube';
import type { CiliumEndpoint, KubeClient } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';

import {
  aCiliumEndpoint,
  aCiliumEndpointSlice,
  aCiliumIdentity,
  aCiliumNode,
  installCilium,
} from './testing/cilium-objects.ts';
import { aNode, aPod, aService, aSlice, create } from './testing/objects.ts';
import { oneCluster, stopAll } from './testing/one-cluster.ts';

afterEach(stopAll);

const web = 65_666;
const db = 65_667;
const ipPrefix = 'cilium/state/ip/v1/default/';
const webIp = `${ipPrefix}10.1.0.5`;
const canaries = ['identities', 'ip', 'nodes', 'serviceexports', 'services'].map(
  (kind) => `cilium/synced/east/cilium/state/${kind}/v1`,
);

async function populate(kube: KubeClient): Promise<void> {
  await installCilium(kube);
  await kube.create(ciliumNodes, aCiliumNode('n1', '172.18.0.2', '10.1.0.0/24'));
  await kube.create(ciliumIdentities, aCiliumIdentity(web, 'web'));
  await kube.create(ciliumEndpoints, aCiliumEndpoint('web-0', '10.1.0.5', web));
  await create(kube, aService('web'), aSlice('web-a', 'web', ['10.1.0.5']));
}

describe('source cilium', () => {
  it('publishes what Cilium wrote, and services; nodes and pods of Kubernetes say nothing', async () => {
    const { etcd, kube, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    await create(kube, aNode('n2', '172.18.0.3'), aPod('elsewhere', '10.1.0.9'));
    const { apiserver } = await start();
    expect(etcd.keys('cilium/s')).toEqual([
      `cilium/state/identities/v1/id/${web}`,
      webIp,
      'cilium/state/nodes/v1/east/n1',
      'cilium/state/services/v1/east/default/web',
      ...canaries,
    ]);
    expect(etcd.text(`cilium/state/identities/v1/id/${web}`)).toBe(
      'k8s:app=web;k8s:io.cilium.k8s.policy.cluster=east;k8s:io.kubernetes.pod.namespace=default;',
    );
    expect(etcd.text(webIp)).toBe(
      `{"IP":"10.1.0.5","Mask":null,"HostIP":"172.18.0.2","ID":${web},"Key":0,"Metadata":"",` +
        '"K8sNamespace":"default","K8sPodName":"web-0","K8sServiceAccount":"default"}',
    );
    expect(apiserver.notReady()).toBeUndefined();
    expect((await kube.list(customResourceDefinitions)).items).toHaveLength(4);
    expect((await kube.list(nodes)).items).toHaveLength(1);
  });

  it('reads CiliumEndpointSlices instead when it is told to', async () => {
    const { clock, etcd, kube, start } = oneCluster({ source: 'cilium-endpoint-slices' });
    await populate(kube);
    const slice = aCiliumEndpointSlice('ces-1', [
      ['web-1', '10.1.0.6', web],
      ['web-2', '10.1.0.7', web],
    ]);
    const { metadata } = await kube.create(ciliumEndpointSlices, slice);
    await start();
    expect(etcd.keys(ipPrefix)).toEqual([`${ipPrefix}10.1.0.6`, `${ipPrefix}10.1.0.7`]);
    const moved = aCiliumEndpointSlice('ces-1', [['web-2', '10.1.0.6', web]]);
    await kube.update(ciliumEndpointSlices, { ...moved, metadata });
    await clock.advance(1_000);
    expect(etcd.keys(ipPrefix)).toEqual([`${ipPrefix}10.1.0.6`]);
    expect(etcd.json(`${ipPrefix}10.1.0.6`)).toMatchObject({ K8sPodName: 'web-2' });
  });

  it('writes nothing when what changed in an endpoint is not published', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    await start();
    const { revision } = server;
    const patch = { status: { state: 'regenerating', policy: { revision: 7 } }, metadata: { labels: { a: 'b' } } };
    const ref = { namespace: 'default', name: 'web-0' };
    await kube.patch(ciliumEndpoints, ref, patch, { kind: 'merge' });
    await kube.patch(ciliumIdentities, { name: `${web}` }, { metadata: { labels: { a: 'b' } } }, { kind: 'merge' });
    await kube.patch(ciliumNodes, { name: 'n1' }, { status: { ipam: {} } }, { kind: 'merge' });
    await clock.advance(10_000);
    expect(etcd.writesAfter(revision)).toEqual([]);
  });

  it('writes one put for an IP that goes from a deleted endpoint to the next claimant, and no delete', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    await kube.create(ciliumIdentities, aCiliumIdentity(db, 'db'));
    await start();
    const { revision } = server;
    await kube.create(ciliumEndpoints, aCiliumEndpoint('db-0', '10.1.0.5', db));
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision)).toEqual([]);
    await kube.delete(ciliumEndpoints, { namespace: 'default', name: 'web-0' });
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision)).toEqual([`put ${webIp}`]);
    expect(etcd.json(webIp)).toMatchObject({ ID: db, K8sPodName: 'db-0' });
  });

  it('shows an IP only after its identity when the identity comes later (I2)', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    await start();
    const { revision } = server;
    await kube.create(ciliumEndpoints, aCiliumEndpoint('db-0', '10.1.0.6', db));
    await clock.advance(100);
    expect(etcd.writesAfter(revision)).toEqual([]);
    await kube.create(ciliumIdentities, aCiliumIdentity(db, 'db'));
    await clock.advance(100);
    expect(etcd.writesAfter(revision)).toEqual([`put cilium/state/identities/v1/id/${db}`, `put ${ipPrefix}10.1.0.6`]);
  });

  it.each([
    { name: 'no identity yet', identity: undefined, want: 0 },
    { name: 'a reserved identity', identity: { id: 4 }, want: 4 },
    { name: 'an identity that is gone', identity: { id: db }, want: db },
  ])('publishes the IP of an endpoint that has $name, and is ready', async ({ identity, want }) => {
    const { clock, etcd, kube, start } = oneCluster({ source: 'cilium' });
    await installCilium(kube);
    const { metadata, status } = aCiliumEndpoint('web-0', '10.1.0.5', web);
    const endpoint: CiliumEndpoint = {
      metadata,
      status: { networking: status?.networking ?? {}, ...(identity && { identity }) },
    };
    await kube.create(ciliumEndpoints, endpoint);
    const { apiserver } = await start();
    await clock.advance(2_000);
    expect(etcd.json(webIp)).toMatchObject({ ID: want });
    expect(apiserver.notReady()).toBeUndefined();
  });

  it('does not publish what readers would refuse: identities that are not labelled as ours, numbers of others', async () => {
    const { clock, etcd, kube, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    const { metadata, 'security-labels': labels } = aCiliumIdentity(db, 'db');
    await kube.create(ciliumIdentities, {
      metadata,
      'security-labels': { ...labels, 'k8s:io.cilium.k8s.policy.cluster': 'west' },
    });
    await kube.create(ciliumIdentities, { metadata: { name: '65668' }, 'security-labels': { 'k8s:app': 'x' } });
    await kube.create(ciliumEndpoints, aCiliumEndpoint('alien', '10.1.0.6', 200_000));
    const { apiserver } = await start();
    await clock.advance(2_000);
    expect(etcd.keys('cilium/state/identities/')).toEqual([`cilium/state/identities/v1/id/${web}`]);
    expect(etcd.keys(ipPrefix)).toEqual([webIp]);
    expect(apiserver.notReady()).toBeUndefined();
  });

  it('withdraws identities and IPs of a namespace that stops being global, and brings them back', async () => {
    const { clock, etcd, kube, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    await start();
    const before = etcd.keys();
    const global = (value: string): unknown => ({
      metadata: { annotations: { 'clustermesh.cilium.io/global': value } },
    });
    await kube.patch(namespaces, { name: 'default' }, global('false'), { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.keys('cilium/state/')).toEqual(['cilium/state/nodes/v1/east/n1']);
    await kube.patch(namespaces, { name: 'default' }, global('true'), { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.keys()).toEqual(before);
  });

  it('waits for definitions that are installed later, without a restart', async () => {
    const { clock, etcd, kube, start } = oneCluster({ source: 'cilium' });
    await create(kube, aService('web'));
    const { apiserver } = await start();
    await clock.advance(60_000);
    expect(apiserver.notReady()).toBe('not yet published: nodes, identities, ip');
    expect(etcd.keys('cilium/synced/')).toEqual(canaries.slice(3));
    await installCilium(kube, [ciliumNodes, ciliumEndpoints]);
    await kube.create(ciliumEndpoints, aCiliumEndpoint('web-0', '10.1.0.5', web));
    await clock.advance(10_000);
    expect(apiserver.notReady()).toBe('not yet published: identities, ip');
    await installCilium(kube, [ciliumIdentities]);
    await kube.create(ciliumIdentities, aCiliumIdentity(web, 'web'));
    await clock.advance(10_000);
    expect(apiserver.notReady()).toBeUndefined();
    expect(etcd.keys(ipPrefix)).toEqual([webIp]);
  });

  it('withdraws nothing while the API server does not know a resource type after a restart (I4)', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    const first = await start();
    first.stop.abort();
    await first.running;
    const before = etcd.keys('cilium/state/');
    const { revision } = server;
    const list: KubeClient['list'] = async (resource, options, signal) => {
      if (resource.group === 'cilium.io') throw new MeshError('KUBE_NOT_FOUND', `list ${resource.plural}`);
      return kube.list(resource, options, signal);
    };
    const { apiserver } = await start({ list });
    await clock.advance(60_000);
    expect(etcd.keys('cilium/state/')).toEqual(before);
    expect(etcd.writesAfter(revision).filter((write) => write.startsWith('delete'))).toEqual([]);
    expect(apiserver.notReady()).toBe('not yet published: nodes, identities, ip');
  });

  it('deletes what went while it was away, and only that (I3)', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ source: 'cilium' });
    await populate(kube);
    await kube.create(ciliumEndpoints, aCiliumEndpoint('web-1', '10.1.0.6', web));
    const first = await start();
    first.stop.abort();
    await first.running;
    const { revision } = server;
    await kube.delete(ciliumEndpoints, { namespace: 'default', name: 'web-1' });
    await start();
    await clock.advance(2_000);
    expect(etcd.writesAfter(revision).filter((write) => write.startsWith('delete'))).toEqual([
      `delete ${ipPrefix}10.1.0.6`,
    ]);
    expect((await kube.list(pods)).items).toEqual([]);
  });
});
