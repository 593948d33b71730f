import { afterEach, describe, expect, it } from '@jest/globals';

import { endpointSlices, namespaces, services } from '@clustermesh/kube';
import type { EndpointSlice, KubeClient, Service } from '@clustermesh/kube';
import { endpointSliceCodec } from '@clustermesh/wire';

import type { ExportedKinds } from './cluster-config.ts';
import { aFurtherService, aService, aSlice, create, globalAnnotation } from './testing/objects.ts';
import { noExports, oneCluster, stopAll } from './testing/one-cluster.ts';

afterEach(stopAll);

const ref = { namespace: 'default', name: 'web' };
const sliceRef = { namespace: 'default', name: 'web-a' };
const serviceKey = 'cilium/state/services/v1/east/default/web';
const sliceKey = 'cilium/state/endpointslices/v1/east/default/web-a';
const canary = (kind: string): string => `cilium/synced/east/cilium/state/${kind}/v1`;
const config = 'cilium/cluster-config/east';

const both: ExportedKinds = { ...noExports, endpointSlices: 'services-and-endpointslices' };

/** Not global. */
const home: Service = { ...aFurtherService('default', 'home'), metadata: { namespace: 'default', name: 'home' } };

async function annotate(kube: KubeClient, annotations: Readonly<Record<string, string | null>>): Promise<void> {
  await kube.patch(services, ref, { metadata: { annotations } }, { kind: 'merge' });
}

describe('endpoint slices', () => {
  it.each<{ endpointSlices: ExportedKinds['endpointSlices']; keys: string[]; mode: string }>([
    { endpointSlices: 'off', keys: [serviceKey, canary('services')], mode: '' },
    {
      endpointSlices: 'services-and-endpointslices',
      keys: [sliceKey, serviceKey, canary('endpointslices'), canary('services')],
      mode: ',"endpointSlicesExportMode":"services-and-endpointslices"',
    },
    {
      endpointSlices: 'endpointslices-only',
      keys: [sliceKey, canary('endpointslices')],
      mode: ',"endpointSlicesExportMode":"endpointslices-only"',
    },
  ])('are published with mode $endpointSlices: keys, canaries, config', async ({ endpointSlices: mode, ...want }) => {
    const { etcd, kube, start } = oneCluster({ exported: { ...noExports, endpointSlices: mode } });
    await create(kube, aService('web'), aSlice('web-a', 'web', ['10.1.0.5']));
    const { apiserver } = await start();
    expect(etcd.keys().filter((key) => /services|endpointslices/.test(key))).toEqual(want.keys);
    expect(etcd.text(config)).toBe(
      '{"id":1,"capabilities":{"syncedCanaries":true,"maxConnectedClusters":255,"serviceExportsEnabled":false' +
        `${want.mode}}}`,
    );
    expect(apiserver.notReady()).toBeUndefined();
  });

  it('carry what a service does not: endpoints that are not ready, and the labels of the slice', async () => {
    const { etcd, kube, start } = oneCluster({ exported: both });
    const slice: EndpointSlice = {
      ...aSlice('web-a', 'web', []),
      endpoints: [{ addresses: ['10.1.0.5'], conditions: { ready: false, serving: false, terminating: true } }],
    };
    await create(kube, aService('web'), slice);
    await start();
    expect(etcd.json(serviceKey)).toMatchObject({ backends: {} });
    expect(endpointSliceCodec.decode(etcd.bytes(sliceKey) ?? new Uint8Array())).toMatchObject({
      value: { labels: { 'kubernetes.io/service-name': 'web' }, endpoints: slice.endpoints },
    });
  });

  it.each([
    { name: 'a service that is not global', annotations: {}, slice: aSlice('web-a', 'web', ['10.1.0.5']) },
    {
      name: 'a service that is not shared',
      annotations: { ...globalAnnotation, 'service.cilium.io/shared': 'false' },
      slice: aSlice('web-a', 'web', ['10.1.0.5']),
    },
    { name: 'no service', annotations: globalAnnotation, slice: aSlice('web-a', 'elsewhere', ['10.1.0.5']) },
    {
      name: 'endpoints of other clusters',
      annotations: globalAnnotation,
      slice: {
        ...aSlice('web-a', 'web', ['10.1.0.5']),
        metadata: {
          ...sliceRef,
          labels: {
            'kubernetes.io/service-name': 'web',
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-mesh-controller.cilium.io',
          },
        },
      },
    },
    {
      name: 'host names',
      annotations: globalAnnotation,
      slice: { ...aSlice('web-a', 'web', ['db.example.com']), addressType: 'FQDN' as const },
    },
  ])('are not published of $name, and cost no write when they change', async ({ annotations, slice }) => {
    const { clock, etcd, kube, server, start } = oneCluster({ exported: both });
    await create(kube, aService('web', annotations), slice);
    await start();
    expect(etcd.keys('cilium/state/endpointslices/')).toEqual([]);
    const { revision } = server;
    const change = { endpoints: [{ addresses: slice.addressType === 'FQDN' ? ['db.example.org'] : ['10.1.0.6'] }] };
    await kube.patch(endpointSlices, sliceRef, change, { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision)).toEqual([]);
  });

  it('go and come with what makes their service shared', async () => {
    const { clock, etcd, kube, start } = oneCluster({ exported: both });
    await create(kube, aService('web'), aSlice('web-a', 'web', ['10.1.0.5']));
    await start();
    const isThere = async (action: Promise<unknown>): Promise<boolean> => {
      await action;
      await clock.advance(1_000);
      return etcd.keys().includes(sliceKey);
    };
    const global = (value: string): unknown => ({
      metadata: { annotations: { 'clustermesh.cilium.io/global': value } },
    });
    expect(await isThere(annotate(kube, { 'service.cilium.io/global': 'false' }))).toBe(false);
    expect(await isThere(annotate(kube, { 'service.cilium.io/global': 'TRUE' }))).toBe(true);
    expect(await isThere(annotate(kube, { 'service.cilium.io/shared': 'false' }))).toBe(false);
    expect(await isThere(annotate(kube, { 'service.cilium.io/shared': null }))).toBe(true);
    expect(await isThere(kube.patch(namespaces, { name: 'default' }, global('no'), { kind: 'merge' }))).toBe(false);
    expect(await isThere(kube.patch(namespaces, { name: 'default' }, global('true'), { kind: 'merge' }))).toBe(true);
    expect(await isThere(kube.delete(services, ref))).toBe(false);
    expect(await isThere(create(kube, aService('web')))).toBe(true);
    expect(await isThere(kube.delete(endpointSlices, sliceRef))).toBe(false);
  });

  it('follow a slice to the service that it is relabelled for', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ exported: both });
    await create(kube, aService('web'), aFurtherService('default', 'shop'), aSlice('web-a', 'web', ['10.1.0.5']));
    await create(kube, home);
    await start();
    const relabel = (name: string): Promise<unknown> =>
      kube.patch(
        endpointSlices,
        sliceRef,
        { metadata: { labels: { 'kubernetes.io/service-name': name } } },
        { kind: 'merge' },
      );
    const { revision } = server;
    await relabel('shop');
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision).sort()).toEqual([
      `put ${sliceKey}`,
      'put cilium/state/services/v1/east/default/shop',
      `put ${serviceKey}`,
    ]);
    await relabel('home');
    await clock.advance(1_000);
    expect(etcd.keys()).not.toContain(sliceKey);
  });

  it('are in parts where a slice is large: a change is one of them, and an endpoint is never in none', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ exported: both });
    const ips = Array.from({ length: 100 }, (_, at) => `10.1.0.${at}`);
    await create(kube, aService('web'), aSlice('web-a', 'web', ips));
    await start();
    const parts = [sliceKey, `${sliceKey}_1`, `${sliceKey}_2`, `${sliceKey}_3`];
    expect(etcd.keys('cilium/state/endpointslices/')).toEqual(parts);
    const endpointsAt = (key: string) => {
      const slice = endpointSliceCodec.decode(etcd.bytes(key) ?? new Uint8Array());
      return slice.ok ? slice.value.endpoints.flatMap(({ addresses }) => addresses) : [];
    };
    expect(parts.flatMap(endpointsAt).sort()).toEqual([...ips].sort());
    let { revision } = server;
    const [first, ...others] = aSlice('web-a', 'web', ips).endpoints ?? [];
    const unready = { ...first, conditions: { ready: false } };
    const patch = (endpoints: readonly object[]) =>
      kube.patch(endpointSlices, sliceRef, { endpoints }, { kind: 'merge' });
    await patch([unready, ...others]);
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision).filter((write) => write.includes('endpointslices'))).toHaveLength(1);
    ({ revision } = server);
    await patch(others.slice(0, 40));
    await clock.advance(1_000);
    const writes = (): readonly string[] =>
      etcd.writesAfter(revision).filter((write) => write.includes('endpointslices'));
    const lessFirst = [`put ${sliceKey}`, `put ${sliceKey}_1`, `delete ${sliceKey}_2`, `delete ${sliceKey}_3`];
    expect(writes()).toEqual(lessFirst);
    ({ revision } = server);
    await patch(others);
    await clock.advance(1_000);
    expect(writes()).toEqual(
      [3, 2].map((part) => `put ${sliceKey}_${part}`).concat(`put ${sliceKey}`, `put ${sliceKey}_1`),
    );
    await kube.delete(endpointSlices, sliceRef);
    await clock.advance(1_000);
    expect(etcd.keys('cilium/state/endpointslices/')).toEqual([]);
  });

  it('come to be in parts without a gap, also where an earlier change of the first still waits to be written', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ exported: both });
    const ips = Array.from({ length: 40 }, (_, at) => `10.1.0.${at}`);
    await create(kube, aService('web'), aSlice('web-a', 'web', ips.slice(0, 30)));
    await start();
    const { revision } = server;
    const patch = async (count: number): Promise<void> => {
      const { endpoints } = aSlice('web-a', 'web', ips.slice(0, count));
      await kube.patch(endpointSlices, sliceRef, { endpoints }, { kind: 'merge' });
      await clock.advance(1_000);
    };
    server.stop();
    await patch(32);
    await patch(40);
    server.start();
    await clock.advance(10_000);
    const writes = etcd.writesAfter(revision).filter((write) => write.includes('endpointslices'));
    expect(writes).toEqual([`put ${sliceKey}_1`, `put ${sliceKey}`]);
  });
});

describe('writes to etcd', () => {
  it('are one a kind for one endpoint that becomes ready, and none for what is not published', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ exported: both });
    const slice = aSlice('web-a', 'web', ['10.1.0.5', '10.1.0.6']);
    const unready = {
      ...slice,
      endpoints: (slice.endpoints ?? []).map((one) => ({ ...one, conditions: { ready: false } })),
    };
    await create(kube, aService('web'), unready, home, aSlice('home-a', 'home', ['10.1.0.7']));
    await start();
    let { revision } = server;
    await kube.patch(endpointSlices, sliceRef, { endpoints: slice.endpoints }, { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision).sort()).toEqual([`put ${sliceKey}`, `put ${serviceKey}`]);
    ({ revision } = server);
    await kube.patch(services, ref, { spec: { externalTrafficPolicy: 'Local' } }, { kind: 'merge' });
    await kube.patch(services, { ...ref, name: 'home' }, { metadata: { labels: { a: 'b' } } }, { kind: 'merge' });
    await kube.patch(endpointSlices, { ...sliceRef, name: 'home-a' }, { endpoints: [] }, { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision)).toEqual([]);
  });

  it('come together for a burst of changes of one service', async () => {
    const { clock, etcd, kube, server, start } = oneCluster();
    await create(kube, aService('web'));
    await start();
    const { revision } = server;
    for (let index = 0; index < 50; index++) await create(kube, aSlice(`web-${index}`, 'web', [`10.1.1.${index}`]));
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision).length).toBeLessThanOrEqual(3);
    expect(Object.keys(etcd.json(serviceKey)?.['backends'] ?? {})).toHaveLength(50);
  });
});

describe('services without a selector', () => {
  it('are published with the endpoints that somebody wrote by hand', async () => {
    const { etcd, kube, start } = oneCluster();
    const { selector: _, ...spec } = aService('web').spec ?? {};
    const service: Service = { ...aService('web'), spec };
    await create(kube, service, aSlice('by-hand', 'web', ['192.0.2.7']));
    await start();
    expect(etcd.json(serviceKey)).toMatchObject({ selector: {}, backends: { '192.0.2.7': { http: { Port: 8080 } } } });
  });
});

describe('a write rate', () => {
  it('slows entries down, not the heartbeat, and canaries still come last', async () => {
    const writeRate = { perSecond: 10, whileStarting: 10 };
    const { clock, etcd, kube, server, start } = oneCluster({ writeRate });
    for (let index = 0; index < 60; index++) await create(kube, aFurtherService('default', `web-${index}`));
    const { revision } = server;
    const { apiserver } = await start();
    expect(etcd.keys('cilium/state/services/').length).toBeLessThanOrEqual(30);
    expect(etcd.keys()).toContain('cilium/.heartbeat');
    expect(etcd.keys()).not.toContain(canary('services'));
    await clock.advance(20_000);
    expect(etcd.keys('cilium/state/services/')).toHaveLength(60);
    const order = etcd.writesAfter(revision).filter((write) => write.includes('services/v1'));
    expect(order.at(-1)).toBe(`put ${canary('services')}`);
    expect(apiserver.notReady()).toBeUndefined();
  });

  it('lets a deletion wait for no additions', async () => {
    const writeRate = { perSecond: 10, whileStarting: 10_000 };
    const { clock, etcd, kube, start } = oneCluster({ writeRate });
    await create(kube, aFurtherService('default', 'old'));
    await start();
    await clock.advance(5_000);
    for (let index = 0; index < 300; index++) await create(kube, aFurtherService('default', `web-${index}`));
    await clock.advance(1_000);
    await kube.delete(services, { namespace: 'default', name: 'old' });
    await clock.advance(4_000);
    expect(etcd.keys('cilium/state/services/').length).toBeLessThan(100);
    expect(etcd.keys()).not.toContain('cilium/state/services/v1/east/default/old');
    await clock.advance(30_000);
    expect(etcd.keys('cilium/state/services/')).toHaveLength(300);
  });
});

describe('services of another proxy', () => {
  it('are not published, from when they say so', async () => {
    const { clock, etcd, kube, start } = oneCluster({});
    const label = (value: string | null): object => ({
      metadata: { labels: { 'service.kubernetes.io/service-proxy-name': value } },
    });
    await create(kube, aService('web'));
    await start();
    await clock.advance(1_000);
    expect(etcd.keys()).toContain(serviceKey);
    await kube.patch(services, ref, label('other'), { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.keys()).not.toContain(serviceKey);
    await kube.patch(services, ref, label(null), { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.keys()).toContain(serviceKey);
  });

  it('are the ones that are published where ours is named', async () => {
    const { clock, etcd, kube, start } = oneCluster({ serviceProxyName: 'mesh' });
    await create(kube, aService('web'));
    await create(kube, aFurtherService('default', 'named'));
    const labels = { 'service.kubernetes.io/service-proxy-name': 'mesh' };
    await kube.patch(services, { namespace: 'default', name: 'named' }, { metadata: { labels } }, { kind: 'merge' });
    await start();
    await clock.advance(1_000);
    expect(etcd.keys('cilium/state/services/')).toEqual(['cilium/state/services/v1/east/default/named']);
  });
});
