import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { EtcdKvStore, connectEtcd } from '@clustermesh/kvstore';
import type { KvEvent } from '@clustermesh/kvstore';
import { Health, silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { FaultProxy, TestEtcd, eventually, tempDir } from '@clustermesh/testkit';

import { allowRemote, openAsRoot } from './testing/etcd-fixture.ts';
import { createKvstoremesh } from './kvstoremesh.ts';
import type { Kvstoremesh } from './kvstoremesh.ts';
import { FakeClusters, name, settings } from './testing/mesh-fixture.ts';
import type { RemoteFile } from '@clustermesh/remote';

jest.setTimeout(30_000);

const source = 'cilium/state/services/v1/east/default/';
const target = 'cilium/cache/services/v1/east/default/';
const kinds = ['nodes', 'identities', 'ip', 'services', 'serviceexports', 'endpointslices'];
const many = 2_500;
const listingBytes = many * 200;

/** Two real etcds with mutual TLS, a source read by user `remote` and a cache, and a network that fails between. */
describe('mirroring over a network that fails', () => {
  let stack: AsyncDisposableStack;
  let east: TestEtcd;
  let writer: EtcdKvStore;
  let proxy: FaultProxy;
  let mesh: Kvstoremesh;
  /** Every event of the cache's services since the mirror was complete. */
  let events: KvEvent[];

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    const dir = stack.use(await tempDir('resume'));
    east = stack.use(await TestEtcd.start({ tls: true }));
    const cache = stack.use(await TestEtcd.start());
    proxy = stack.use(await FaultProxy.listen(east.port));
    writer = stack.use(await openAsRoot(east));
    await publish(writer);
    await allowRemote(east, name('east'));
    const { certFile: cert, keyFile: key } = await east.ca.issue({ commonName: 'remote' });
    const endpoints = [`https://127.0.0.1:${proxy.port}`];
    const tls = { ca: east.ca.certFile, cert, key };
    const value = { cluster: name('east'), endpoints, tls, hostAliases: new Map<string, string[]>() };
    const file: RemoteFile = { name: 'east', hash: dir.path, certificates: '', config: { ok: true, value } };

    const deps = { clock, random, log, health: new Health(clock) };
    const stop = new AbortController();
    const local = stack.use(await EtcdKvStore.open({ endpoints: [cache.endpoint], session: true }, deps, stop.signal));
    const clusters = new FakeClusters();
    mesh = createKvstoremesh({
      ...{ ...deps, local, clusters, config: { ...settings, contactIntervalMs: 500 } },
      connect: (remote, signal) => connectEtcd(remote, { session: false }, deps, signal),
    });
    const running = mesh.run(stop.signal);
    clusters.set(file);
    await expectReady();
    events = [];
    const watching = record(local, stop.signal);
    stack.defer(async () => {
      stop.abort();
      await Promise.all([running, watching]);
    });
  });
  afterEach(() => stack.disposeAsync());

  const expectReady = (): Promise<void> =>
    eventually(() => expect(mesh.status()).toMatchObject([{ state: 'ready', 'num-shared-services': many }]));
  const put = (at: number, value: string) =>
    ({ kind: 'put', key: `${source}s${at}`, value: Buffer.from(value) }) as const;
  const commit = async (...ops: Parameters<EtcdKvStore['commit']>[0]): Promise<void> => {
    await writer.commit(ops, new AbortController().signal);
  };
  async function record(cache: EtcdKvStore, signal: AbortSignal): Promise<void> {
    for await (const batch of cache.watch(target, {}, signal)) if (batch.phase === 'live') events.push(...batch.events);
  }

  it('writes what changed while it was cut off, and nothing else', async () => {
    proxy.refuse();
    await eventually(() => expect(mesh.status()).toMatchObject([{ connected: false }]));
    const changes = Array.from({ length: 1_200 }, (_, at) => put(at, 'changed'));
    for (const change of changes) await commit(change);
    await commit({ kind: 'delete', key: `${source}s2000` }, put(many, 'new'));
    const before = proxy.passed('down');
    proxy.resume();
    await expectReady();
    await eventually(() => expect(new Set(events.map(({ key }) => key)).size).toBe(1_202));
    expect(events.filter(({ kind }) => kind === 'delete')).toMatchObject([{ key: `${target}s2000` }]);
    expect(events).toHaveLength(1_202);
    expect(proxy.passed('down') - before).toBeLessThan(listingBytes / 2); // it was not listed anew
  });

  it('loses nothing of what is written while connections break again and again', async () => {
    let at = 0;
    for (let round = 0; round < 5; round++) {
      proxy.cutAfter(20_000);
      for (const end = at + 300; at < end; at++) await commit(put(at, `round ${round}`));
      proxy.cut();
    }
    await eventually(() => expect(new Set(events.map(({ key }) => key)).size).toBe(1_500), { timeoutMs: 20_000 });
    expect(events.every(({ kind }) => kind === 'put')).toBe(true);
    expect(events).toHaveLength(1_500);
    await expectReady();
  });

  it('lists again, but writes only the difference, when the source was compacted meanwhile', async () => {
    proxy.refuse();
    await eventually(() => expect(mesh.status()).toMatchObject([{ connected: false }]));
    await commit(put(1, 'changed'));
    await commit({ kind: 'delete', key: `${source}s2` }, put(many, 'new'));
    await east.compact();
    proxy.resume();
    await eventually(() => expect(events).toHaveLength(3));
    await expectReady();
    expect(events).toHaveLength(3);
  });
});

async function publish(writer: EtcdKvStore): Promise<void> {
  const put = (key: string, value: string) => ({ kind: 'put', key, value: Buffer.from(value) }) as const;
  const services = Array.from({ length: many }, (_, at) => put(`${source}s${at}`, `service ${at} ${'x'.repeat(200)}`));
  const config = put('cilium/cluster-config/east', '{"id":2,"capabilities":{"syncedCanaries":true}}');
  const canaries = kinds.map((kind) => put(`cilium/synced/east/cilium/state/${kind}/v1`, 'now'));
  await writer.commit(
    [config, ...services, ...canaries, put('cilium/.heartbeat', 'now')],
    new AbortController().signal,
  );
}
