import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { EtcdKvStore, MemoryKvStore, connectEtcd } from '@clustermesh/kvstore';
import type { KvEvent, KvStore } from '@clustermesh/kvstore';
import {
  FakeClock,
  Health,
  silentLogger as log,
  systemClock as clock,
  systemRandom as random,
} from '@clustermesh/runtime';
import { FaultProxy, TestEtcd, eventually } from '@clustermesh/testkit';

import { createKvstoremesh } from '../kvstoremesh.ts';
import type { Kvstoremesh } from '../kvstoremesh.ts';
import { defaultLimits } from '../limits/remote-limits.ts';
import { createMetrics } from '../metrics.ts';
import { FakeClusters, FakeRemote, remoteFile, settings } from '../testing/mesh-fixture.ts';

jest.setTimeout(60_000);

const deps = { clock, random, log };
const never = new AbortController().signal;
const state = 'cilium/state/services/v1/east/demo/';
const cache = 'cilium/cache/services/v1/east/demo/';

/** A real etcd as the cache, behind a proxy; what happens to it must neither lose anything nor grow anything (I1, I3). */
describe('the local etcd', () => {
  let stack: AsyncDisposableStack;
  let local: TestEtcd;
  let proxy: FaultProxy;
  let mesh: Kvstoremesh;
  let health: Health;
  /** Every event of the cache's entries, as another client sees it. */
  let seen: KvEvent[];
  let counts: Record<KvEvent['kind'], number>;

  beforeEach(() => {
    stack = new AsyncDisposableStack();
    seen = [];
    counts = { put: 0, delete: 0 };
  });
  afterEach(() => stack.disposeAsync());

  async function start(flags: readonly string[], connect: () => Promise<KvStore>): Promise<void> {
    local = stack.use(await TestEtcd.start({ flags }));
    proxy = stack.use(await FaultProxy.listen(local.port));
    const stop = new AbortController();
    const endpoints = [`http://127.0.0.1:${proxy.port}`];
    const store = await EtcdKvStore.open({ endpoints, session: true }, deps, stop.signal);
    const reader = await EtcdKvStore.open({ endpoints: [local.endpoint], session: false }, deps, stop.signal);
    stack.use(store);
    stack.use(reader);
    const clusters = new FakeClusters();
    clusters.set(remoteFile('east'));
    health = new Health(clock);
    const perRemote = { ...defaultLimits.perRemote, maxBytesPerSecond: 64 * 1_048_576 };
    const config = { ...settings, contactIntervalMs: 500, limits: { ...defaultLimits, perRemote } };
    mesh = createKvstoremesh({ ...deps, local: store, clusters, health, config, connect });
    const jobs = [mesh.run(stop.signal), record(reader, stop.signal)];
    stack.defer(async () => {
      stop.abort();
      await Promise.all(jobs);
    });
    await eventually(() => expect(mesh.status()).toMatchObject([{ state: 'ready' }]));
  }

  async function record(reader: KvStore, signal: AbortSignal): Promise<void> {
    for await (const { events } of reader.watch(cache, {}, signal)) {
      seen.push(...events);
      for (const { kind } of events) counts[kind]++;
    }
  }

  function sourceInMemory(entries: number): FakeRemote {
    const east = new FakeRemote('east', 2, new FakeClock());
    for (let at = 0; at < entries; at++) east.put(`${state}s${at}`, 'first');
    east.publish();
    stack.defer(() => east.server[Symbol.dispose]());
    return east;
  }

  const status = () => mesh.status()[0];
  const pending = () => mesh.snapshots().reduce((sum, { kinds }) => sum + kinds.services.pending, 0);
  const puts = () => counts.put;
  const deletes = () => counts.delete;
  const metric = async (name: string): Promise<string | undefined> => {
    const { registry } = createMetrics({ mesh: () => mesh, isLeader: () => true, clock });
    return (await registry.metrics()).split('\n').find((line) => line.startsWith(name));
  };

  it('full (NOSPACE): keeps what it has, takes deletions, says so, and is whole again when it has space', async () => {
    const east = sourceInMemory(100);
    await start(['--quota-backend-bytes', '4000000'], async () => new MemoryKvStore(east.server, { clock }));
    const fill = stack.use(await EtcdKvStore.open({ endpoints: [local.endpoint], session: false }, deps, never));
    for (let isFull = false; !isFull;) {
      const value = Buffer.alloc(500_000);
      await fill.commit([{ kind: 'put', key: 'fill', value }], never).catch(() => (isFull = true));
    }
    east.put(`${state}s1`, 'changed');
    await eventually(() => expect(mesh.isCacheFull()).toBe(true));
    for (let at = 0; at < 2_000; at++) east.put(`${state}n${at}`, 'new');
    for (let at = 50; at < 100; at++) east.delete(`${state}s${at}`);
    await eventually(() => expect(deletes()).toBe(50));
    expect(puts()).toBe(100);
    expect(pending()).toBeLessThan(100);
    await eventually(() => expect(status()?.['over-quota']).toMatchObject({ limit: 'space', count: 2_000 }));
    const advice = expect.stringMatching(/database space exceeded.*etcdctl alarm disarm/);
    expect(status()).toMatchObject({ state: 'ready', 'not-written': { code: 'KV_NO_SPACE', reason: advice } });
    expect(health.report()).toContainEqual(
      expect.objectContaining({ name: 'remote/east/cache/services', state: 'degraded', reason: advice }),
    );
    expect(await metric('clustermesh_kvstoremesh_cache_full')).toMatch(/ 1$/);
    expect(await metric('clustermesh_kvstoremesh_remote_cluster_cache_writable')).toMatch(/ 0$/);

    await local.compact();
    await local.ctl('defrag');
    await local.ctl('alarm', 'disarm');
    await eventually(() => expect(puts()).toBe(100 + 1 + 2_000), { timeoutMs: 40_000 });
    await eventually(() => expect(status()).not.toHaveProperty(['not-written']));
    expect(deletes()).toBe(50);
    expect(status()).toMatchObject({ state: 'ready', 'num-shared-services': 2_050 });
    expect(status()).not.toHaveProperty(['over-quota']);
    expect(await metric('clustermesh_kvstoremesh_cache_full')).toMatch(/ 0$/);
  });

  it('slow: additions wait, a deletion that comes behind them does not', async () => {
    const east = sourceInMemory(10);
    await start([], async () => new MemoryKvStore(east.server, { clock }));
    proxy.delay(100);
    for (let at = 0; at < 10_000; at++) east.put(`${state}n${at}`, 'new');
    await eventually(() => expect(pending()).toBeGreaterThan(5_000));
    east.delete(`${state}s1`);
    await eventually(() => expect(deletes()).toBe(1));
    const writtenBefore = seen.findIndex(({ kind }) => kind === 'delete') - 10;
    proxy.resume();
    await eventually(() => expect(puts()).toBe(10 + 10_000));
    // What was on its way, and what is read at once: not all that waited.
    expect(writtenBefore).toBeLessThan(5_000);
    expect(deletes()).toBe(1);
  });

  describe('away', () => {
    let origin: TestEtcd;
    let upstream: FaultProxy;
    let writer: EtcdKvStore;
    const keys = 1_000;
    const put = (at: number, value: Uint8Array) => ({ kind: 'put', key: `${state}s${at}`, value }) as const;
    const remove = (at: number) => ({ kind: 'delete', key: `${state}s${at}` }) as const;
    const all = <T>(op: (at: number) => T): T[] => Array.from({ length: keys }, (_, at) => op(at));

    beforeEach(async () => {
      origin = stack.use(await TestEtcd.start());
      upstream = stack.use(await FaultProxy.listen(origin.port));
      writer = stack.use(await EtcdKvStore.open({ endpoints: [origin.endpoint], session: false }, deps, never));
      const config = { kind: 'put', key: 'cilium/cluster-config/east', value: Buffer.from('{"id":2}') } as const;
      await writer.commit([...all((at) => put(at, Buffer.alloc(10))), config], never);
      const endpoints = [`http://127.0.0.1:${upstream.port}`];
      const unencrypted = { endpoints, tls: undefined, hostAliases: new Map<string, string[]>() };
      await start([], () => connectEtcd(unencrypted, { session: false }, deps, never));
      await eventually(() => expect(puts()).toBe(keys));
      seen.length = 0;
      counts = { put: 0, delete: 0 };
    });

    /** Rounds of changes of all keys, then half of them go. */
    async function change(rounds: number, bytes: number): Promise<void> {
      for (let round = 1; round <= rounds; round++) {
        await writer.commit(
          all((at) => put(at, Buffer.alloc(bytes, round))),
          never,
        );
      }
      await writer.commit(all(remove).slice(keys / 2), never);
    }

    it('writes what changed meanwhile once, in its last state', async () => {
      proxy.refuse();
      await change(10, 100);
      await eventually(() => expect(pending()).toBe(keys));
      expect(status()?.['not-written']).toMatchObject({ pending: keys, code: expect.any(String) });
      proxy.resume();
      await eventually(() => expect(pending()).toBe(0));
      await eventually(() => expect(seen).toHaveLength(keys));
      expect(puts()).toBe(keys / 2);
      expect(
        seen.every(({ kind, key }) => (kind === 'delete') === Number(key.slice(cache.length + 1)) >= keys / 2),
      ).toBe(true);
      await eventually(() => expect(status()).not.toHaveProperty(['not-written']));
    });

    it('holds its source back when more waits than memory may hold, also over a compaction', async () => {
      proxy.refuse();
      const before = upstream.passed('down');
      const [rounds, bytes] = [3, 20_000];
      await change(rounds, bytes);
      await origin.compact();
      await eventually(() => expect(pending()).toBeGreaterThan(0));
      expect(pending() * bytes).toBeLessThan(16 * 1_048_576);
      expect(upstream.passed('down') - before).toBeLessThan((rounds * keys * bytes) / 2);
      proxy.resume();
      await eventually(() => expect(deletes()).toBe(keys / 2));
      await eventually(() => expect(pending()).toBe(0));
      const last = new Map(seen.map((event) => [event.key, event]));
      for (const key of all((at) => `${cache}s${at}`).slice(0, keys / 2)) {
        const event = last.get(key);
        expect(event?.kind === 'put' && [event.value.length, event.value[0]]).toEqual([bytes, rounds]);
      }
      expect(status()).toMatchObject({ state: 'ready', 'num-shared-services': keys / 2, 'num-failures': 0 });
    });
  });
});
