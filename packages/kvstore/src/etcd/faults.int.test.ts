import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeError, ok, silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { FaultProxy, TestEtcd, eventually } from '@clustermesh/testkit';

import type { KvOp, KvReader, WatchBatch, WatchOptions } from '../kv-store.ts';
import { SyncStore } from '../sync-store.ts';
import { WatchStore } from '../watch-store.ts';
import { EtcdKvStore } from './etcd-kv-store.ts';
import type { EtcdOptions } from './etcd-kv-store.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const { signal } = new AbortController();
const put = (key: string, value: string | Uint8Array = '1'): KvOp => ({ kind: 'put', key, value: Buffer.from(value) });

/** A reader behind a proxy with faults, and a writer with a line of its own. */
describe('a watch on etcd over a bad network', () => {
  let etcd: TestEtcd;
  let proxy: FaultProxy;
  let writer: EtcdKvStore;
  let reader: EtcdKvStore;
  const closing: AsyncDisposable[] = [];
  beforeEach(async () => {
    etcd = await TestEtcd.start({ flags: ['--grpc-keepalive-min-time', '10ms'] });
    proxy = await FaultProxy.listen(etcd.port);
    writer = await open({ endpoints: [etcd.endpoint], session: false });
    reader = await open({ endpoints: [`http://127.0.0.1:${proxy.port}`], session: false });
  });
  afterEach(async () => {
    for (const resource of closing.splice(0).reverse()) await resource[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });

  async function open(options: EtcdOptions): Promise<EtcdKvStore> {
    const store = await EtcdKvStore.open(options, deps, signal);
    closing.push(store);
    return store;
  }

  function mirror(kv: KvReader = reader): Mirror {
    const started = new Mirror(kv);
    closing.push(started);
    return started;
  }

  async function write(count: number, value = 'x'.repeat(200)): Promise<string[]> {
    for (let index = 0; index < count; index++) await writer.commit([put(`p/${index}`, value)], signal);
    return Array.from({ length: count }, (_, index) => `+p/${index}`);
  }

  it('loses nothing and lists nothing when a catch-up of more than 1,000 revisions is cut again and again', async () => {
    await writer.commit([put('witness')], signal);
    const watching = mirror();
    await watching.synced();
    proxy.refuse();
    const want = await write(2_500);
    proxy.resume();
    for (let kilobytes = 20; watching.log.length < want.length; kilobytes += 20) {
      const { accepted } = proxy;
      proxy.cutAfter(kilobytes * 1_000);
      await eventually(() => expect(proxy.accepted > accepted || watching.log.length === want.length).toBe(true));
    }
    expect(watching.log).toEqual(want);
    expect(watching.listings).toBe(1);
    expect(watching.failures.length).toBeGreaterThan(3);
  });

  it('does not resume on a store that was wiped under the same token and written past our revision', async () => {
    await writer.commit([put('witness', 'at one'), put('p/kept'), put('p/gone'), put('p/changed', 'old')], signal);
    const watching = mirror();
    await watching.synced();
    proxy.refuse();
    await etcd.restart({ wipe: true });
    const after = await open({ endpoints: [etcd.endpoint], session: false });
    await after.commit([put('witness', 'at two'), put('p/kept'), put('p/changed', 'new'), put('p/new')], signal);
    for (let index = 0; index < 50; index++) await after.commit([put('q', `${index}`)], signal);
    watching.log.length = 0;
    proxy.resume();
    await eventually(() => expect([...watching.log].sort()).toEqual(['+p/changed', '+p/new', '-p/gone']));
    expect(watching.listings).toBe(2);
  });

  it('tells the deletions of a compacted time, and only what has changed', async () => {
    await writer.commit([put('witness'), put('p/kept'), put('p/gone'), put('p/changed', 'old')], signal);
    const watching = mirror();
    await watching.synced();
    proxy.refuse();
    await writer.commit([{ kind: 'delete', key: 'p/gone' }, put('p/changed', 'new'), put('p/new')], signal);
    await write(10);
    await writer.commit([{ kind: 'delete-prefix', prefix: 'p/1' }], signal);
    await etcd.compact();
    watching.log.length = 0;
    proxy.resume();
    const digits = [0, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `+p/${digit}`);
    await eventually(() =>
      expect([...watching.log].sort()).toEqual([...digits, '+p/changed', '+p/new', '-p/gone'].sort()),
    );
  });

  it('goes on without a list and without an event when etcd is killed and comes back', async () => {
    await writer.commit([put('witness'), put('p/a'), put('p/b')], signal);
    const watching = mirror();
    await watching.synced();
    watching.log.length = 0;
    const { resumptions } = watching;
    await etcd.kill();
    await eventually(() => expect(watching.failures.length).toBeGreaterThan(0));
    await etcd.restart();
    await eventually(() => expect(watching.resumptions).toBeGreaterThan(resumptions));
    expect(watching.log).toEqual([]);
    expect(watching.listings).toBe(1);
    const again = await open({ endpoints: [etcd.endpoint], session: false });
    await again.commit([put('p/c')], signal);
    await eventually(() => expect(watching.log).toEqual(['+p/c']));
  });

  it.each([['down'], ['up']] as const)('notices a connection on which nothing comes %s any more', async (direction) => {
    const endpoints = [`http://127.0.0.1:${proxy.port}`];
    const impatient = await open({ endpoints, session: false, keepaliveMs: 100, keepaliveTimeoutMs: 300 });
    const watching = mirror(impatient);
    await watching.synced();
    proxy.pause(direction);
    await eventually(() => expect(watching.failures[0]).toMatchObject({ code: 'KV_UNAVAILABLE' }));
    await writer.commit([put('p/a')], signal);
    proxy.resume();
    await eventually(() => expect(watching.log).toEqual(['+p/a']));
    expect(watching.listings).toBe(1);
  });

  it('is closed without connecting once more', async () => {
    const { accepted } = proxy;
    const kv = await open({ endpoints: [`http://127.0.0.1:${proxy.port}`], session: false });
    await kv[Symbol.asyncDispose]();
    await systemClock.sleep(200);
    expect(proxy.accepted).toBe(accepted + 1);
  });

  it('compares with what it knows when another etcd answers at the same address', async () => {
    await writer.commit([put('witness'), put('p/kept'), put('p/gone')], signal);
    const watching = mirror();
    await watching.synced();
    watching.log.length = 0;
    const replica = await TestEtcd.start();
    closing.unshift(replica);
    const other = await open({ endpoints: [replica.endpoint], session: false });
    await other.commit([put('witness'), put('p/kept'), put('p/new')], signal);
    proxy.retarget(replica.port);
    proxy.cut();
    await eventually(() => expect([...watching.log].sort()).toEqual(['+p/new', '-p/gone']));
    expect(watching.failures.map((error) => (error as { code: string }).code)).toContain('KV_STORE_CHANGED');
    expect(reader.storeId).toBe(other.storeId);
  });

  it('does not read ahead of a slow consumer without bound, and then loses nothing', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const count = 600;
    let want: string[] = [];
    for await (const batch of reader.watch('p/', {}, stop.signal)) {
      seen.push(...batch.events.map(({ key }) => `+${key}`));
      if (seen.length === count) stop.abort();
      if (batch.phase === 'list-done' || want.length > 0) continue;
      // The watch is in place, its consumer is busy, and 12 MB are written.
      want = await write(count, 'x'.repeat(20_000));
      expect(proxy.passed('down')).toBeLessThan(4_000_000);
    }
    expect(seen).toEqual(want);
  });

  describe('and over limits', () => {
    it('lists pages that do not fit into a gRPC message, in smaller ones', async () => {
      await writer.commit(
        Array.from({ length: 256 }, (_, index) => put(`p/${index}`, Buffer.alloc(100_000, index))),
        signal,
      );
      const watching = mirror();
      await watching.synced();
      expect(watching.log).toHaveLength(256);
      expect(watching.failures).toEqual([]);
    });

    it('lists what it missed when that does not fit into a gRPC message, and tells the difference', async () => {
      await writer.commit([put('p/kept'), put('p/gone')], signal);
      const watching = mirror();
      await watching.synced();
      watching.log.length = 0;
      proxy.refuse();
      await writer.commit([{ kind: 'delete', key: 'p/gone' }], signal);
      const want = await write(200, 'x'.repeat(100_000));
      proxy.resume();
      await eventually(() => expect([...watching.log].sort()).toEqual([...want, '-p/gone'].sort()));
      expect(watching.listings).toBe(2);
    });

    it('catches up without a list on what just fits', async () => {
      const watching = mirror();
      await watching.synced();
      proxy.refuse();
      const want = await write(100, 'x'.repeat(100_000));
      proxy.resume();
      await eventually(() => expect(watching.log).toEqual(want));
      expect(watching.listings).toBe(1);
    });

    it('survives the deletion of a large prefix in one revision', async () => {
      const ops = Array.from({ length: 30_000 }, (_, index) => put(`p/${'long-name-'.repeat(60)}${index}`));
      await writer.commit(ops, signal);
      const watching = mirror();
      await watching.synced();
      watching.log.length = 0;
      await writer.commit([{ kind: 'delete-prefix', prefix: 'p/' }, put('p/a')], signal);
      await eventually(() => expect(watching.log).toHaveLength(30_001));
      expect(new Set(watching.log).size).toBe(30_001);
    });
  });
});

describe('a writer to etcd', () => {
  const stop = new Set<AbortController>();
  const closing: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const controller of stop) controller.abort();
    for (const resource of closing.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  });

  async function start(options: Partial<EtcdOptions> = {}, flags: readonly string[] = []) {
    const etcd = await TestEtcd.start({ flags });
    closing.push(etcd);
    const kv = await EtcdKvStore.open({ endpoints: [etcd.endpoint], session: true, ...options }, deps, signal);
    closing.push(kv);
    return { etcd, kv };
  }

  function sync(kv: EtcdKvStore): SyncStore {
    const store = new SyncStore({ ...deps, writer: kv });
    const controller = new AbortController();
    stop.add(controller);
    void store.run(controller.signal);
    return store;
  }

  it('brings its keys back after their lease was taken away', async () => {
    const { etcd, kv } = await start({ leaseTtlSeconds: 3 });
    const store = sync(kv);
    for (let index = 0; index < 20; index++) store.upsert(`p/${index}`, Buffer.from('x'));
    store.synced('canary', Buffer.from('now'));
    await store.settled(signal);
    await etcd.revokeLeases();
    expect(await etcd.ctl('get', 'p/', '--prefix', '--keys-only')).toBe('');
    await eventually(async () => {
      expect((await etcd.ctl('get', 'p/', '--prefix', '--keys-only')).match(/p\//g)).toHaveLength(20);
      expect(await kv.get('canary', signal)).toBeDefined();
    });
  });

  it('fills a store that came back empty at once, not at the next keep-alive', async () => {
    const { etcd, kv } = await start();
    const store = sync(kv);
    for (let index = 0; index < 20; index++) store.upsert(`p/${index}`, Buffer.from('x'));
    await store.settled(signal);
    await etcd.restart({ wipe: true });
    await eventually(async () =>
      expect((await etcd.ctl('get', 'p/', '--prefix', '--keys-only')).match(/p\//g)).toHaveLength(20),
    );
  });

  it('writes and deletes again what an etcd has undone that comes back with older data', async () => {
    const { etcd, kv } = await start();
    const store = sync(kv);
    for (let index = 0; index < 5; index++) store.upsert(`p/${index}`, Buffer.from('old'));
    await store.settled(signal);
    await etcd.keep();
    store.upsert('p/1', Buffer.from('new'));
    store.upsert('p/9', Buffer.from('new'));
    store.delete('p/2');
    await store.settled(signal);
    await etcd.restart({ kept: true });
    store.upsert('beat', Buffer.from('1'));
    const lines = ['p/0 old', 'p/1 new', 'p/3 old', 'p/4 old', 'p/9 new'];
    await eventually(async () => {
      const found = await etcd.ctl('get', 'p/', '--prefix');
      expect(
        found
          .trim()
          .replaceAll(/^(p.*)\n/gm, '$1 ')
          .split('\n'),
      ).toEqual(lines);
    });
    await eventually(async () => expect(await etcd.leases()).toHaveLength(kv.leaseCount));
  });

  it('keeps its leases, and so its keys, over a restart of etcd', async () => {
    const { etcd, kv } = await start({ leaseTtlSeconds: 2 });
    await kv.commit([put('a')], signal);
    const before = await etcd.leases();
    await etcd.kill();
    await etcd.restart();
    // Longer than the TTL: only what was kept alive is still there.
    await systemClock.sleep(3_000);
    expect(await etcd.leases()).toEqual(before);
    await eventually(async () =>
      expect(await kv.get('a', signal)).toMatchObject({ createRevision: 2n, modRevision: 2n }),
    );
  });

  it('hangs no more keys on a lease than allowed, and uses places again that deletes left', async () => {
    const { etcd, kv } = await start({ keysPerLease: 100 });
    const ops = (from: number, to: number): KvOp[] =>
      Array.from({ length: to - from }, (_, index) => put(`p/${from + index}`));
    await kv.commit(ops(0, 250), signal);
    expect(await etcd.leases()).toHaveLength(3);
    await kv.commit([{ kind: 'delete-prefix', prefix: 'p/1' }], signal);
    await kv.commit(ops(250, 360), signal);
    expect(await etcd.leases()).toHaveLength(3);
    expect(kv.leaseCount).toBe(3);
    for (const lease of await etcd.leases()) {
      const keys = await etcd.ctl('lease', 'timetolive', lease, '--keys', '-w', 'json');
      expect((JSON.parse(keys) as { keys: string[] }).keys.length).toBeLessThanOrEqual(100);
    }
  });

  it('writes a commit of 1,000 large values, and all but the one that etcd refuses', async () => {
    const { etcd, kv } = await start();
    const ops = Array.from({ length: 1_000 }, (_, index) => put(`p/${index}`, Buffer.alloc(20_000)));
    const huge = [put('p/huge', Buffer.alloc(2_000_000)), put('p/huger', Buffer.alloc(5_000_000))];
    const { refused } = await kv.commit([...ops.slice(0, 500), ...huge, ...ops.slice(500)], signal);
    expect(refused.map(({ op, error }) => [op, error])).toEqual(
      huge.map((op) => [op, expect.objectContaining({ code: 'KV_TOO_LARGE' })]),
    );
    expect((await etcd.ctl('get', 'p/', '--prefix', '--keys-only')).match(/p\//g)).toHaveLength(1_000);
  });

  it('meets the limits that an administrator has set lower', async () => {
    const { etcd, kv } = await start({}, ['--max-txn-ops', '10', '--max-request-bytes', '5000']);
    const ops = Array.from({ length: 300 }, (_, index) => put(`p/${index}`, Buffer.alloc(100)));
    const { refused } = await kv.commit([...ops, put('p/large', Buffer.alloc(6_000))], signal);
    expect(refused.map(({ op }) => op)).toMatchObject([{ key: 'p/large' }]);
    expect((await etcd.ctl('get', 'p/', '--prefix', '--keys-only')).match(/p\//g)).toHaveLength(300);
  });

  it('waits while etcd has no space, and writes when it has', async () => {
    const { etcd, kv } = await start({}, ['--quota-backend-bytes', '6000000']);
    const fill = (): Promise<unknown> => kv.commit([put('fill', Buffer.alloc(1_000_000))], signal);
    await eventually(() => expect(fill()).rejects.toMatchObject({ code: 'KV_NO_SPACE', retryable: true }));
    const store = sync(kv);
    store.upsert('p/a', Buffer.from('1'));
    await systemClock.sleep(300);
    expect(store).toMatchObject({ pending: 1, refused: new Map() });
    await kv.commit([{ kind: 'delete', key: 'fill' }], signal);
    await etcd.compact();
    await etcd.ctl('defrag');
    await etcd.ctl('alarm', 'disarm');
    await eventually(async () => expect(await kv.get('p/a', signal)).toBeDefined());
  });

  it('goes on with the next endpoint when one is gone', async () => {
    const { etcd } = await start();
    const proxy = await FaultProxy.listen(etcd.port);
    closing.push(proxy);
    const endpoints = ['http://127.0.0.1:1', `http://127.0.0.1:${proxy.port}`, etcd.endpoint];
    const kv = await eventually(() =>
      EtcdKvStore.open({ endpoints, session: false }, { ...deps, random: { next: () => 0.5 } }, signal),
    );
    closing.push(kv);
    proxy.refuse();
    await eventually(() => expect(kv.commit([put('a')], signal)).resolves.toBeDefined());
  });
});

/** A WatchStore with the loop of its owner: runs again after each failure, and writes down what it is told. */
class Mirror implements AsyncDisposable {
  /** `+key` and `-key`. */
  readonly log: string[] = [];
  readonly failures: unknown[] = [];
  listings = 0;
  resumptions = 0;
  readonly #stop = new AbortController();
  readonly #store: WatchStore<Uint8Array>;
  readonly #done: Promise<void>;

  constructor(kv: KvReader) {
    this.#store = new WatchStore((_key, bytes) => ok(bytes), {
      upserted: (key) => void this.log.push(`+${key}`),
      deleted: (key) => void this.log.push(`-${key}`),
      rejected: () => undefined,
      synced: () => undefined,
    });
    this.#done = this.#run(this.#counting(kv));
  }

  synced(): Promise<void> {
    return eventually(() => {
      if (!this.#store.isSynced) throw new Error(`not synced: ${describeError(this.failures.at(-1))}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(kv: Pick<KvReader, 'watch'>): Promise<void> {
    const stopped = this.#stop.signal;
    while (!stopped.aborted) {
      try {
        await this.#store.run(kv, 'p/', { witnesses: ['witness'] }, stopped);
      } catch (error) {
        this.failures.push(error);
        await systemClock.sleep(20, stopped);
      }
    }
  }

  #counting(kv: KvReader): Pick<KvReader, 'watch'> {
    const count = (batch: WatchBatch): void => {
      if (batch.phase === 'list-done') this.listings++;
      else if (batch.phase === 'live' && batch.events.length === 0) this.resumptions++;
    };
    return {
      async *watch(prefix: string, options: WatchOptions, stopped: AbortSignal): AsyncGenerator<WatchBatch> {
        for await (const batch of kv.watch(prefix, options, stopped)) {
          count(batch);
          yield batch;
        }
      },
    };
  }
}
