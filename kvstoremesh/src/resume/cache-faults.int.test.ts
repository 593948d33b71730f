import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '@clustermesh/runtime';
import { TestEtcd, eventually } from '@clustermesh/testkit';
import { kinds } from '@clustermesh/wire';

import { cacheKinds } from './testing/cache-server.ts';
import type { CacheServer } from './testing/cache-server.ts';
import { Stage, deletes, keysOf } from './testing/stage.ts';

jest.setTimeout(30_000);

/** What the local store, or the way to it, does to a mirror that goes on running. */
describe.each(cacheKinds)('a cache in $name that fails', (kind) => {
  let etcd: TestEtcd;
  let cache: CacheServer;
  let stage: Stage;
  const expectWritten = (want: readonly string[]): Promise<void> => stage.expectWritten(want);
  beforeAll(async () => {
    [etcd, cache] = await Promise.all([TestEtcd.start(), kind.start()]);
  });
  afterAll(async () => {
    for (const server of [etcd, cache]) await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    stage = await Stage.open({ cache, etcd }, { leaseTtlSeconds: 2 });
    await stage.ready();
  });
  afterEach(async () => {
    await stage[Symbol.asyncDispose]();
    await Promise.all([etcd, cache].map((server) => server.restart({ wipe: true })));
  });

  /** Entries and announcements, each put once. */
  function everything(): string[] {
    return [...stage.announcements, ...stage.source.entries.keys()].map((key) => `+${key}`).sort();
  }

  /** The canary of a kind behind its data. */
  function expectOrder(written: readonly string[]): void {
    const at = (start: string): number => written.findIndex((change) => change.startsWith(start));
    for (const { cacheCanary, cachePrefix } of kinds) {
      const last = written.findLastIndex((change) => change.startsWith(`+${cachePrefix(stage.source.name)}`));
      expect(at(`+cilium/synced/east/${cacheCanary}`)).toBeGreaterThan(last);
    }
  }

  it('has what changed while it was down written, and nothing else', async () => {
    await cache.kill();
    const changes = await stage.source.change();
    await systemClock.sleep(300);
    await cache.restart();
    await expectWritten(changes);
  });

  it('that was cut off for longer than its leases live, and forgot nothing, is told nothing', async () => {
    stage.cacheProxy.refuse();
    await cache.kill();
    await systemClock.sleep(3_000);
    await cache.restart();
    stage.cacheProxy.resume();
    await expectWritten([]);
  });

  it('is filled at once when it comes back empty: each key once, and nobody sees an entry go', async () => {
    stage.cacheProxy.refuse();
    await cache.restart({ wipe: true });
    await stage.mark();
    stage.cacheProxy.resume();
    await stage.same();
    await stage.seen();
    const written = await stage.written();
    expect(keysOf(written)).toEqual(everything());
    expectOrder(written);
    expect(stage.reader.deleted).toEqual([]);
  });

  it('is put right when it comes back with older data: what was deleted since is deleted again', async () => {
    await cache.keep();
    await stage.source.change();
    await stage.same();
    await stage.seen();
    stage.reader.deleted.length = 0;
    stage.cacheProxy.refuse();
    await cache.restart({ kept: true });
    await stage.mark();
    stage.cacheProxy.resume();
    await stage.same();
    await stage.seen();
    const changed = ['+cilium/cache/ip/v1/east/10.0.1.0', '+cilium/cache/services/v1/east/default/s1'];
    const written = keysOf(await stage.written());
    // What has not changed is put again only where that cannot be told.
    const puts = kind.takesKeysAlong ? everything() : [...stage.canaries.map((key) => `+${key}`), ...changed];
    expect(puts).toEqual(expect.arrayContaining(written.filter((change) => change.startsWith('+'))));
    expect(written).toEqual(expect.arrayContaining(changed));
    await eventually(async () => expect(deletes(await stage.written())).toEqual(['cilium/cache/ip/v1/east/10.0.0.2']));
  });

  it('that forgets its writer is told each key once, and no more', async () => {
    const config = '+cilium/cluster-config/east';
    await cache.loseWriters();
    if (kind.takesKeysAlong) await eventually(async () => expect(keysOf(await stage.written())).toContain(config));
    await expectPutBack([]);
  });

  it('that is out of reach for longer than a lease lives has everything when it is back', async () => {
    stage.cacheProxy.pause();
    await systemClock.sleep(4_500);
    const changes = await stage.source.change();
    stage.cacheProxy.resume();
    await stage.seen();
    await expectPutBack(changes);
  });

  /** Where keys go with their writer, the store itself deletes them; they are put again, as everything is now. */
  async function expectPutBack(changes: readonly string[]): Promise<void> {
    if (!kind.takesKeysAlong) return expectWritten(changes);
    await stage.same();
    await stage.seen();
    const puts = keysOf(await stage.written()).filter((change) => change.startsWith('+'));
    expect([...new Set(puts)]).toEqual(everything());
    expect(puts.length).toBeLessThanOrEqual(everything().length + changes.length);
  }

  it.each([[1], [-1]])('and a mirror whose time of day jumps by %s h notice nothing', async (hours) => {
    stage.clock.jump(hours * 3_600_000);
    await systemClock.sleep(100);
    const changes = await stage.source.change();
    await expectWritten(changes);
    expect(stage.process.status('east')).toMatchObject({ connected: true, ready: true, 'num-failures': 0 });
  });
});
