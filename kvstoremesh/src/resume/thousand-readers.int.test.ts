import { describe, expect, it, jest } from '@jest/globals';
import { WatchStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { Backoff, Health, ok, retryLoop } from '@clustermesh/runtime';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { TestEtcd, eventually } from '@clustermesh/testkit';

import { cacheKinds } from './testing/cache-server.ts';
import type { CacheServer } from './testing/cache-server.ts';
import { Stage } from './testing/stage.ts';

jest.setTimeout(180_000);

const readers = 1_000;
/** Each with its connections and what it has read; what it holds of 42 entries is the least of it. */
const bytesPerReader = 524_288;
const attemptsPerReader = 15;
const patience = { timeoutMs: 120_000, intervalMs: 100 };

/** Agents of a cluster of 1,000 nodes, each with connections of its own, when the store that all of them read restarts. */
describe.each(cacheKinds)('a thousand readers of one $name', (kind) => {
  it('come again spread over time, and see the same when it has restarted with other data', async () => {
    await using stack = new AsyncDisposableStack();
    const etcd = stack.use(await TestEtcd.start());
    const cache = stack.use(await kind.start());
    const stage = stack.use(await Stage.open({ cache, etcd }, { speed: 1 }));
    await stage.ready();
    const before = process.memoryUsage().heapUsed;
    const stop = new AbortController();
    const all = Array.from({ length: readers }, () => new Reader());
    const running = all.map((reader) => reader.run(cache, stop.signal));
    stack.defer(async () => {
      stop.abort();
      await Promise.all(running);
    });
    const { entries } = stage.source;
    await eventually(
      () => expect(all.filter((reader) => !reader.knows('services/v1/east/default/s9'))).toEqual([]),
      patience,
    );

    for (const reader of all) reader.attempts = 0;
    await cache.kill();
    await stage.source.change();
    await cache.restart();
    await eventually(() => expect(all.filter((reader) => !reader.knows('ip/v1/east/10.0.1.0'))).toEqual([]), patience);
    await stage.same();
    for (const reader of all) await eventually(() => expect(reader.entries).toEqual(entries), patience);

    const attempts = all.map((reader) => reader.attempts);
    expect(Math.min(...attempts)).toBeGreaterThan(0);
    expect(Math.max(...attempts)).toBeLessThanOrEqual(attemptsPerReader);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(readers * bytesPerReader);
  });
});

class Reader {
  readonly entries = new Map<string, string>();
  attempts = 0;

  /** As an agent follows a prefix. */
  async run(cache: CacheServer, signal: AbortSignal): Promise<void> {
    const store = new WatchStore<Uint8Array>((_key, bytes) => ok(bytes), {
      upserted: (key, value) => void this.entries.set(key, Buffer.from(value).toString()),
      deleted: (key) => void this.entries.delete(key),
      rejected: () => undefined,
      synced: () => undefined,
    });
    let kv: KvStore | undefined;
    const follow = async (both: AbortSignal): Promise<void> => {
      this.attempts++;
      kv ??= await cache.open({ session: false });
      await store.run(kv, 'cilium/cache/', {}, both);
    };
    const backoff = new Backoff({ baseMs: 100, capMs: 30_000, random });
    await retryLoop(follow, { name: 'reader', backoff, clock, log, health: new Health(clock) }, signal);
    await kv?.[Symbol.asyncDispose]();
  }

  knows(end: string): boolean {
    return this.entries.has(`cilium/cache/${end}`);
  }
}
