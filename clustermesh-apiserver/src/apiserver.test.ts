import { afterEach, describe, expect, it } from '@jest/globals';

import { customResourceDefinitions, endpointSlices, namespaces, pods, services } from '@clustermesh/kube';
import type { KubeClient, Pod } from '@clustermesh/kube';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { MeshError } from '@clustermesh/runtime';
import type { FakeClock } from '@clustermesh/runtime';

import { meshIdentities } from './identity/mesh-identity.ts';
import { aFurtherService, aNamespace, aPod, aSlice, create, east, populate } from './testing/objects.ts';
import { oneCluster, stopAll, untilStopped } from './testing/one-cluster.ts';

/** Listings of `plural` take a minute, as of a busy API server. */
function slowly(kube: KubeClient, plural: string, clock: FakeClock): Pick<KubeClient, 'list'> {
  return {
    list: async (resource, options, signal) => {
      if (resource.plural === plural) await clock.sleep(60_000, signal);
      return kube.list(resource, options, signal);
    },
  };
}

afterEach(stopAll);

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

const identityPrefix = 'cilium/state/identities/v1/id/';
const webIp = 'cilium/state/ip/v1/default/10.1.0.5';
const webService = 'cilium/state/services/v1/east/default/web';

describe('createApiserver', () => {
  it('publishes a cluster as protocol.md writes it: keys, values, canaries, config and heartbeat', async () => {
    const { etcd, kube, start } = oneCluster();
    await populate(kube);
    const { apiserver } = await start();
    const [identity = ''] = etcd.keys(identityPrefix);
    const number = Number(identity.slice(identityPrefix.length));
    expect(etcd.keys()).toEqual([
      'cilium/.heartbeat',
      'cilium/cluster-config/east',
      identity,
      webIp,
      'cilium/state/nodes/v1/east/n1',
      webService,
      'cilium/synced/east/cilium/state/identities/v1',
      'cilium/synced/east/cilium/state/ip/v1',
      'cilium/synced/east/cilium/state/nodes/v1',
      'cilium/synced/east/cilium/state/serviceexports/v1',
      'cilium/synced/east/cilium/state/services/v1',
      'clustermesh/publisher',
    ]);
    expect(number).toBeGreaterThanOrEqual(65536);
    expect(number).toBeLessThanOrEqual(131071);
    expect(etcd.text(identity)).toBe(
      'k8s:app=web;k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=default;' +
        'k8s:io.cilium.k8s.policy.cluster=east;k8s:io.cilium.k8s.policy.serviceaccount=default;' +
        'k8s:io.kubernetes.pod.namespace=default;',
    );
    expect(etcd.text(webIp)).toBe(
      `{"IP":"10.1.0.5","Mask":null,"HostIP":"172.18.0.2","ID":${number},"Key":0,"Metadata":"",` +
        '"K8sNamespace":"default","K8sPodName":"web-0","K8sServiceAccount":"default"}',
    );
    expect(etcd.text('cilium/cluster-config/east')).toBe(
      '{"id":1,"capabilities":{"syncedCanaries":true,"maxConnectedClusters":255,"serviceExportsEnabled":false}}',
    );
    expect(etcd.text('cilium/.heartbeat')).toMatch(/^2026-01-01T00:00:00Z$/);
    expect(etcd.json(webService)).toMatchObject({ backends: { '10.1.0.5': { http: { Port: 8080 } } } });
    expect(apiserver.isSynced).toBe(true);
    expect(apiserver.notReady()).toBeUndefined();
  });

  it('installs the definition of its resource once', async () => {
    const { kube, start } = oneCluster();
    await start();
    await start();
    const { items } = await kube.list(customResourceDefinitions);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['meshidentities.clustermesh.io']);
  });

  it('publishes nodes and services, and is not ready, where its resource cannot be installed', async () => {
    const { etcd, kube, start } = oneCluster();
    await populate(kube);
    const refuse = async (): Promise<never> => {
      throw new MeshError('KUBE_INVALID', 'create a definition');
    };
    const { apiserver } = await start({ create: refuse });
    expect(etcd.keys('cilium/state/')).toEqual(['cilium/state/nodes/v1/east/n1', webService]);
    expect(apiserver.notReady()).toBe('not yet published: identities, ip');
  });

  it('is not ready, and says why, while the store cannot be reached', async () => {
    const { clock, kube, server, start } = oneCluster();
    await populate(kube);
    server.stop();
    const { apiserver } = await start();
    expect(apiserver.notReady()).toBe('get clustermesh/publisher: contact lost');
    server.start();
    await clock.advance(60_000);
    expect(apiserver.notReady()).toBeUndefined();
  });

  it('keeps every identity number when it restarts with an empty etcd', async () => {
    const { clock, etcd, kube, server, start } = oneCluster();
    await populate(kube);
    await create(kube, aPod('db-0', '10.1.0.6', { app: 'db' }));
    const first = await start();
    const before = etcd.keys(identityPrefix);
    const ip = etcd.text(webIp);
    first.stop.abort();
    await first.running;
    server.wipe(2n);
    await start();
    await clock.advance(1_000);
    expect(before).toHaveLength(2);
    expect(etcd.keys(identityPrefix)).toEqual(before);
    expect(etcd.text(webIp)).toBe(ip);
  });

  it('publishes the same from each of two replicas, each into its own etcd', async () => {
    const { clock, kube, server, start } = oneCluster();
    await populate(kube);
    const other = new MemoryKvServer({ clock, storeId: 2n });
    await Promise.all([start(), start({}, other)]);
    for (let index = 0; index < 30; index++) {
      await create(kube, aPod(`p-${index}`, `10.1.1.${index}`, { app: `app-${index % 10}` }));
    }
    await clock.advance(10_000);
    const published = (one: MemoryKvServer): string[] =>
      one.list('cilium/state/').map(({ key, value }) => `${key} ${text(value)}`);
    expect(published(server)).toHaveLength(1 + 31 + 11 + 1);
    expect(published(other)).toEqual(published(server));
    expect((await kube.list(meshIdentities)).items).toHaveLength(11);
  });

  it('deletes what went while it was away, and rewrites nothing else differently (I3, I7)', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await create(kube, aPod('db-0', '10.1.0.6', { app: 'db' }));
    const first = await start();
    expect(etcd.keys('cilium/state/ip/')).toHaveLength(2);
    first.stop.abort();
    await first.running;
    await kube.delete(pods, { namespace: 'default', name: 'db-0' }, { gracePeriodSeconds: 0 });
    await kube.delete(services, { namespace: 'default', name: 'web' });
    await start();
    await clock.advance(1_000);
    expect(etcd.keys('cilium/state/ip/')).toEqual([webIp]);
    expect(etcd.keys('cilium/state/services/')).toEqual([]);
  });

  it.each(['pods', 'meshidentities'])(
    'tells of pods again however late %s are listed after a restart (I3)',
    async (late) => {
      const { clock, etcd, kube, start } = oneCluster();
      await populate(kube);
      const first = await start();
      first.stop.abort();
      await first.running;
      await create(kube, aPod('web-1', '10.1.0.6'));
      await kube.delete(pods, { namespace: 'default', name: 'web-0' }, { gracePeriodSeconds: 0 });
      const { apiserver } = await start(slowly(kube, late, clock));
      await clock.advance(250_000);
      expect(apiserver.isSynced).toBe(true);
      expect(etcd.keys('cilium/state/ip/')).toEqual(['cilium/state/ip/v1/default/10.1.0.6']);
    },
  );

  it.each(['pods', 'meshidentities'])(
    'withdraws nothing while %s are listed late after a restart (I7)',
    async (late) => {
      const { clock, kube, server, start } = oneCluster();
      await populate(kube);
      const first = await start();
      first.stop.abort();
      await first.running;
      const { revision } = server;
      await start(slowly(kube, late, clock));
      await clock.advance(100_000);
      expect(server.eventsAfter(revision)?.flat()).not.toContainEqual(expect.objectContaining({ kind: 'delete' }));
    },
  );

  it('writes everything again when the leases are lost', async () => {
    const { clock, etcd, kube, server, start } = oneCluster();
    await populate(kube);
    await start();
    const before = etcd.keys();
    server.revokeLeases();
    expect(etcd.keys()).toEqual([]);
    await clock.advance(400_000);
    expect(etcd.keys()).toEqual(before);
  });

  it('writes everything again into a store that took the place of the old one', async () => {
    const { clock, etcd, kube, server, start } = oneCluster();
    await populate(kube);
    await start();
    const before = etcd.keys();
    server.wipe(2n);
    await clock.advance(61_000);
    expect(etcd.keys()).toEqual(before);
  });

  it('beats as often as it is told to', async () => {
    const { clock, etcd, start } = oneCluster({ heartbeatMs: 5_000 });
    await start();
    await clock.advance(5_000);
    expect(etcd.text('cilium/.heartbeat')).toBe('2026-01-01T00:00:05Z');
  });

  it('beats every minute', async () => {
    const { clock, etcd, start } = oneCluster();
    await start();
    await clock.advance(60_000);
    expect(etcd.text('cilium/.heartbeat')).toBe('2026-01-01T00:01:00Z');
  });
});

describe('cluster config', () => {
  const key = 'cilium/cluster-config/east';

  it.each([
    { name: 'changed', op: { kind: 'put', key, value: new TextEncoder().encode('{"id":7}') } as const },
    { name: 'deleted', op: { kind: 'delete', key } as const },
  ])('is written again at once when somebody else $name it', async ({ op }) => {
    const { clock, etcd, server, start } = oneCluster();
    await start();
    const config = etcd.text(key);
    await new MemoryKvStore(server, { clock }).commit([op]);
    await clock.advance(1);
    expect(etcd.text(key)).toBe(config);
  });

  it('is there again soon after the store was replaced by an empty one', async () => {
    const { clock, etcd, server, start } = oneCluster();
    await start();
    server.wipe(2n);
    await clock.advance(5_000);
    expect(etcd.text(key)).toBeDefined();
  });

  it('is taken back from a foreign lease within five minutes', async () => {
    const { clock, etcd, server, start } = oneCluster();
    await start();
    const foreign = new MemoryKvStore(server, { clock });
    const value = new TextEncoder().encode(etcd.text(key));
    await foreign.commit([{ kind: 'put', key, value }]);
    await foreign[Symbol.asyncDispose]();
    await clock.advance(1_000_000);
    expect(etcd.text(key)).toBeDefined();
  });

  it('does not fight at full speed with a writer of other bytes', async () => {
    const { clock, server, start } = oneCluster();
    await start();
    const rival = new MemoryKvStore(server, { clock });
    const signal = new AbortController().signal;
    const before = server.revision;
    void (async () => {
      for await (const { events } of rival.watch(key, {}, signal)) {
        if (events.every((event) => event.kind === 'put' && text(event.value) === '{"id":7}')) continue;
        await rival.commit([{ kind: 'put', key, value: new TextEncoder().encode('{"id":7}') }]);
      }
    })();
    await clock.advance(10_000);
    expect(server.revision - before).toBeGreaterThan(20n);
    expect(server.revision - before).toBeLessThan(100n);
  });
});

describe('pods', () => {
  it('shows an IP only after its identity is in the store (I2)', async () => {
    const { clock, etcd, kube, server, start } = oneCluster();
    const { stop } = await start();
    const order: string[] = [];
    const watcher = new MemoryKvStore(server, { clock });
    void (async () => {
      for await (const { events } of watcher.watch('cilium/state/', {}, stop.signal)) {
        order.push(...events.filter(({ kind }) => kind === 'put').map(({ key }) => key));
      }
    })();
    for (let index = 0; index < 20; index++) {
      await create(kube, aPod(`p-${index}`, `10.1.0.${index}`, { app: `app-${index}` }));
    }
    await clock.advance(1_000);
    const ips = order.filter((key) => key.includes('/ip/'));
    expect(ips).toHaveLength(20);
    for (const ip of ips) {
      const { ID } = etcd.json(ip) as { ID: number };
      expect(order.indexOf(`${identityPrefix}${ID}`)).toBeGreaterThanOrEqual(0);
      expect(order.indexOf(`${identityPrefix}${ID}`)).toBeLessThan(order.indexOf(ip));
    }
  });

  it('gives an IP another identity when the pod or its namespace changes labels', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await start();
    const identityOf = (): number => (etcd.json(webIp) as { ID: number }).ID;
    const labelsNow = (): string | undefined => etcd.text(`${identityPrefix}${identityOf()}`);
    await kube.patch(
      pods,
      { namespace: 'default', name: 'web-0' },
      { metadata: { labels: { app: 'shop' } } },
      { kind: 'merge' },
    );
    await clock.advance(1_000);
    expect(labelsNow()).toMatch(/^k8s:app=shop;/);
    await kube.patch(namespaces, { name: 'default' }, { metadata: { labels: { team: 'a' } } }, { kind: 'merge' });
    await clock.advance(1_000);
    expect(labelsNow()).toContain('k8s:io.cilium.k8s.namespace.labels.team=a;');
  });

  it('keeps an IP with its first owner until that one goes, then gives it to the next (§7.4)', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await create(kube, aPod('old', '10.1.0.5'));
    await start();
    await create(kube, aPod('new', '10.1.0.5', { app: 'db' }));
    await clock.advance(1_000);
    expect(etcd.json(webIp)).toMatchObject({ K8sPodName: 'old' });
    await kube.delete(pods, { namespace: 'default', name: 'old' }, { gracePeriodSeconds: 0 });
    await clock.advance(1_000);
    expect(etcd.json(webIp)).toMatchObject({ K8sPodName: 'new' });
    await kube.delete(pods, { namespace: 'default', name: 'new' }, { gracePeriodSeconds: 0 });
    await clock.advance(1_000);
    expect(etcd.text(webIp)).toBeUndefined();
  });

  it('withdraws the IP of a pod that ended', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await start();
    const pod = await kube.get(pods, { namespace: 'default', name: 'web-0' });
    const ended: Pod = { ...pod, status: { ...pod.status, phase: 'Succeeded' } };
    await kube.update(pods, ended, { subresource: 'status' });
    await clock.advance(1_000);
    expect(etcd.text(webIp)).toBeUndefined();
  });

  it('forgets an identity, in the API and in the store, after the grace period without users', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await start();
    await kube.delete(pods, { namespace: 'default', name: 'web-0' }, { gracePeriodSeconds: 0 });
    await clock.advance(900_000);
    expect(etcd.keys(identityPrefix)).toHaveLength(1);
    await clock.advance(300_000);
    expect(etcd.keys(identityPrefix)).toEqual([]);
    expect((await kube.list(meshIdentities)).items).toEqual([]);
  });
});

describe('identities', () => {
  it('are not taken for unused before all pods are known', async () => {
    const { clock, kube, start } = oneCluster({ identityGraceMs: 10_000 });
    await populate(kube);
    const first = await start();
    first.stop.abort();
    await first.running;
    const { items: before } = await kube.list(meshIdentities);
    await start(slowly(kube, 'pods', clock));
    await clock.advance(50_000);
    expect((await kube.list(meshIdentities)).items).toEqual(before);
  });
});

describe('namespaces', () => {
  const withdraw = { 'clustermesh.cilium.io/global': 'false' };

  it('withdraw their identities, IPs and services when they stop being global, and bring them back', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await start();
    const all = etcd.keys();
    await kube.patch(namespaces, { name: 'default' }, { metadata: { annotations: withdraw } }, { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.keys('cilium/state/')).toEqual(['cilium/state/nodes/v1/east/n1']);
    const back = { metadata: { annotations: { 'clustermesh.cilium.io/global': 'TRUE' } } };
    await kube.patch(namespaces, { name: 'default' }, back, { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.keys()).toEqual(all);
  });

  it('are not global by default when so configured', async () => {
    const { clock, etcd, kube, start } = oneCluster({ globalNamespaces: false });
    await populate(kube);
    const shop = aNamespace('shop', { 'clustermesh.cilium.io/global': 'true' });
    await create(kube, shop, aFurtherService('shop', 'web'));
    const { apiserver } = await start();
    await clock.advance(1_000);
    expect(etcd.keys('cilium/state/')).toEqual([
      'cilium/state/nodes/v1/east/n1',
      'cilium/state/services/v1/east/shop/web',
    ]);
    expect(apiserver.isSynced).toBe(true);
  });
});

describe('services', () => {
  it.each([
    { name: 'is not global any more', annotations: { 'service.cilium.io/global': 'false' } },
    { name: 'is not shared any more', annotations: { 'service.cilium.io/shared': 'false' } },
  ])('are withdrawn when one $name', async ({ annotations }) => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await start();
    await kube.patch(services, { namespace: 'default', name: 'web' }, { metadata: { annotations } }, { kind: 'merge' });
    await clock.advance(1_000);
    expect(etcd.text(webService)).toBeUndefined();
  });

  it('follow their endpoints', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await start();
    await create(kube, aSlice('web-b', 'web', ['10.1.1.9']));
    await clock.advance(1_000);
    expect(Object.keys(etcd.json(webService)?.['backends'] ?? {})).toEqual(['10.1.0.5', '10.1.1.9']);
    await kube.delete(endpointSlices, { namespace: 'default', name: 'web-a' });
    await clock.advance(1_000);
    expect(Object.keys(etcd.json(webService)?.['backends'] ?? {})).toEqual(['10.1.1.9']);
  });

  it('move a slice to the service that it is relabelled for', async () => {
    const { clock, etcd, kube, start } = oneCluster();
    await populate(kube);
    await create(kube, aFurtherService('default', 'shop'));
    await start();
    const labels = { 'kubernetes.io/service-name': 'shop' };
    await kube.patch(
      endpointSlices,
      { namespace: 'default', name: 'web-a' },
      { metadata: { labels } },
      { kind: 'merge' },
    );
    await clock.advance(1_000);
    expect(etcd.json(webService)).toMatchObject({ backends: {} });
    expect(etcd.json('cilium/state/services/v1/east/default/shop')).toMatchObject({ backends: { '10.1.0.5': {} } });
  });

  it('are never published with a part of their backends after a restart (I7)', async () => {
    const { clock, etcd, kube, server, start } = oneCluster();
    await populate(kube);
    for (let slice = 0; slice < 5; slice++) {
      await create(kube, aSlice(`web-${slice}`, 'web', [`10.1.2.${slice}`]));
    }
    const first = await start();
    const value = etcd.text(webService);
    const { modRevision = 0n } = server.get(webService) ?? {};
    first.stop.abort();
    await first.running;
    const values: string[] = [];
    const watching = untilStopped();
    void (async () => {
      for await (const { events } of new MemoryKvStore(server, { clock }).watch(webService, {}, watching.signal)) {
        for (const event of events) values.push(event.kind === 'put' ? text(event.value) : 'deleted');
      }
    })();
    await start(slowly(kube, 'endpointslices', clock));
    await clock.advance(100_000);
    expect(new Set(values)).toEqual(new Set([value]));
    expect(server.get(webService)?.modRevision).toBeGreaterThan(modRevision);
  });
});

describe('two clusters in one etcd', () => {
  it('publishes nothing of the second, takes nothing over from the first, and is not ready, until the first has gone', async () => {
    const first = oneCluster();
    await populate(first.kube);
    const published = await first.start();
    const before = first.etcd.keys('cilium/');
    const second = oneCluster({ cluster: { ...east, id: 2 as typeof east.id } });
    const get: KubeClient['get'] = async (resource, ref, signal) => {
      const object = await second.kube.get(resource, ref, signal);
      return ref.name === 'kube-system' ? { ...object, metadata: { ...object.metadata, uid: 'of another' } } : object;
    };
    const { apiserver } = await second.start({ get }, first.server);
    for (let beat = 0; beat < 12; beat++) {
      await first.clock.advance(5_000);
      await second.clock.advance(5_000);
    }
    expect(apiserver.notReady()).toContain('published there under the same name, east (id 1)');
    expect(first.etcd.keys('cilium/')).toEqual(before);
    expect(first.etcd.json('cilium/cluster-config/east')).toMatchObject({ id: 1 });
    published.stop.abort();
    await first.clock.advance(60_000);
    await second.clock.advance(60_000);
    expect(apiserver.notReady()).toBeUndefined();
    expect(first.etcd.json('cilium/cluster-config/east')).toMatchObject({ id: 2 });
    expect(first.etcd.keys('cilium/state/nodes/')).toEqual([]);
  });
});

describe('several replicas on one etcd', () => {
  it('publish once: the others are ready and write nothing; the next takes over without a gap', async () => {
    const { clock, etcd, kube, server, start } = oneCluster({ leaderElection: true });
    await populate(kube);
    const replicas = [await start(), await start(), await start()];
    await clock.advance(30_000);
    expect(etcd.text(webService)).toContain('10.1.0.5');
    expect(replicas.map(({ apiserver }) => apiserver.notReady())).toEqual([undefined, undefined, undefined]);
    expect(replicas.filter(({ apiserver }) => apiserver.isSynced)).toHaveLength(1);
    const before = etcd.keys('cilium/');
    let { revision } = server;
    await create(kube, aSlice('web-b', 'web', ['10.1.1.9']));
    await clock.advance(1_000);
    expect(etcd.writesAfter(revision)).toEqual([`put ${webService}`]);
    ({ revision } = server);
    const leader = replicas.find(({ apiserver }) => apiserver.isSynced);
    leader?.stop.abort();
    await leader?.running;
    await kube.delete(pods, { namespace: 'default', name: 'web-0' }, { gracePeriodSeconds: 0 });
    await clock.advance(15_000);
    expect(replicas.filter((one) => one !== leader && one.apiserver.isSynced)).toHaveLength(1);
    const writes = etcd.writesAfter(revision);
    expect(writes.filter((write) => write.startsWith('delete'))).toEqual([`delete ${webIp}`]);
    expect(new Set(writes).size).toBe(writes.length);
    expect(etcd.keys('cilium/')).toEqual(before.filter((key) => key !== webIp));
  });
});
