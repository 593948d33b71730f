import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { MemoryKvStore, openRedisKvStore } from '@clustermesh/kvstore';
import {
  FakeClock,
  Health,
  silentLogger as log,
  systemClock as clock,
  systemRandom as random,
} from '@clustermesh/runtime';
import { TestRedis, eventually } from '@clustermesh/testkit';

import { createKvstoremesh } from '../kvstoremesh.ts';
import type { Kvstoremesh } from '../kvstoremesh.ts';
import { FakeClusters, FakeRemote, remoteFile, settings } from '../testing/mesh-fixture.ts';

jest.setTimeout(60_000);

const state = 'cilium/state/services/v1/east/demo/';
const cache = 'cilium/cache/services/v1/east/demo/';

/** As local-etcd.int.test.ts, where a Redis can be in the same trouble. */
describe('the local Redis', () => {
  let stack: AsyncDisposableStack;
  let redis: TestRedis;
  let east: FakeRemote;
  let mesh: Kvstoremesh;
  let reader: MemoryReader;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    redis = stack.use(await TestRedis.start());
    east = new FakeRemote('east', 2, new FakeClock());
    for (let at = 0; at < 100; at++) east.put(`${state}s${at}`, 'first');
    east.publish();
    stack.defer(() => east.server[Symbol.dispose]());
    const stop = new AbortController();
    const open = (session: boolean) =>
      openRedisKvStore({ url: redis.url, session, leaseTtlSeconds: 3 }, { clock, log }, stop.signal);
    const local = stack.use(await open(true));
    reader = stack.use(await open(false));
    const clusters = new FakeClusters();
    clusters.set(remoteFile('east'));
    mesh = createKvstoremesh({
      ...{ clock, random, log, local, clusters, health: new Health(clock) },
      config: { ...settings, contactIntervalMs: 500 },
      connect: async () => new MemoryKvStore(east.server, { clock }),
    });
    const running = mesh.run(stop.signal);
    stack.defer(async () => {
      stop.abort();
      await running;
    });
    await eventually(() => expect(mesh.status()).toMatchObject([{ state: 'ready' }]));
  });
  afterEach(() => stack.disposeAsync());

  type MemoryReader = Awaited<ReturnType<typeof openRedisKvStore>>;
  const cached = async (): Promise<ReadonlyMap<string, string>> => {
    const entries = new Map<string, string>();
    for await (const { events, phase } of reader.watch(cache, {}, new AbortController().signal)) {
      for (const event of events) if (event.kind === 'put') entries.set(event.key, Buffer.from(event.value).toString());
      if (phase === 'list-done') break;
    }
    return entries;
  };

  it('out of memory for longer than a lease lasts: keeps what it has, takes deletions, and is whole again', async () => {
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    east.put(`${state}s1`, 'changed');
    await eventually(() => expect(mesh.isCacheFull()).toBe(true));
    east.put(`${state}new`, 'new');
    for (let at = 50; at < 100; at++) east.delete(`${state}s${at}`);
    await eventually(async () => expect((await cached()).size).toBe(50));
    await clock.sleep(5_000, new AbortController().signal);
    expect((await cached()).size).toBe(50);
    expect(mesh.status()).toMatchObject([{ state: 'ready', 'not-written': { code: 'KV_NO_SPACE' } }]);
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    await eventually(async () => expect((await cached()).get(`${cache}new`)).toBe('new'), { timeoutMs: 40_000 });
    expect((await cached()).get(`${cache}s1`)).toBe('changed');
    expect((await cached()).size).toBe(51);
    await eventually(() => expect(mesh.isCacheFull()).toBe(false));
  });
});
