import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TestEtcd, eventually } from '@clustermesh/testkit';

import { cacheKinds } from './testing/cache-server.ts';
import type { CacheServer } from './testing/cache-server.ts';
import { Stage, deletes, keysOf } from './testing/stage.ts';

jest.setTimeout(30_000);

const ip = 'cilium/cache/ip/v1/east/';

/** A mirror that is killed, and the next one: nothing is lost that the first was about to do, nothing is done in vain. */
describe.each(cacheKinds)('a mirror into $name that is killed', (kind) => {
  let etcd: TestEtcd;
  let cache: CacheServer;
  let stage: Stage;
  beforeAll(async () => {
    [etcd, cache] = await Promise.all([TestEtcd.start(), kind.start()]);
  });
  afterAll(async () => {
    for (const server of [etcd, cache]) await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    stage = await Stage.open({ cache, etcd });
  });
  afterEach(async () => {
    await stage[Symbol.asyncDispose]();
    await Promise.all([etcd, cache].map((server) => server.restart({ wipe: true })));
  });

  /** Without those that the source has no more, which may be taken over before they are deleted; each once. */
  function entryPuts(written: readonly string[]): string[] {
    const keys = keysOf(written).flatMap((change) => (change.startsWith('+') ? [change.slice(1)] : []));
    return [...new Set(keys)].filter((key) => stage.source.entries.has(key)).sort();
  }

  it('in the middle of its first list leaves a part without canary, and the next one the whole', async () => {
    await stage.source.publish({ ip: 3_000 });
    await stage.mark();
    const cut = stage.cacheProxy.refuseAfter(40_000, 'up');
    await stage.start();
    await cut;
    await stage.kill();
    const part = await stage.written();
    expect(part.length).toBeGreaterThan(100);
    expect(part.some((change) => change.startsWith('+cilium/synced/east/cilium/cache/ip/'))).toBe(false);
    const left = new Map(await stage.content());
    expect(left.size).toBeLessThan(3_000);

    await stage.source.write(stage.source.delete('ip', '10.0.0.7'));
    await stage.mark();
    await stage.start();
    await stage.same();
    const written = await stage.written();
    expect(deletes(written)).toEqual(left.has(`${ip}10.0.0.7`) ? [`${ip}10.0.0.7`] : []);
    // What is there is put again only where it hangs on the first one's lease.
    const missing = [...stage.source.entries.keys()].filter((key) => kind.takesKeysAlong || !left.has(key));
    expect(entryPuts(written)).toEqual(missing.sort());
  });

  it('in the middle of deletions leaves the rest to the next one: each is deleted once', async () => {
    await stage.source.publish({ ip: 3_000 });
    await stage.start();
    await stage.same();
    await stage.mark();
    const gone = Array.from({ length: 2_500 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
    const cut = stage.cacheProxy.refuseAfter(20_000, 'up');
    await stage.source.write(...gone.map((address) => stage.source.delete('ip', address)));
    await cut;
    await stage.kill();
    const before = deletes(await stage.written());
    expect(before.length).toBeGreaterThan(100);
    expect(before.length).toBeLessThan(2_500);

    await stage.start();
    await stage.same();
    const written = await stage.written();
    expect(deletes(written)).toEqual(gone.map((address) => ip + address).sort());
    expect(entryPuts(written)).toEqual(kind.takesKeysAlong ? [...stage.source.entries.keys()].sort() : []);
  });

  it('after its canaries is followed by one that deletes what has gone meanwhile, and readers see no more', async () => {
    await stage.ready();
    await stage.kill();
    const changes = await stage.source.change();
    await stage.start();
    await stage.same();
    await stage.seen();
    const written = await stage.written();
    expect(deletes(written)).toEqual(deletes(changes));
    expect(stage.reader.deleted).toEqual(deletes(changes));
    const changed = [`${ip}10.0.1.0`, 'cilium/cache/services/v1/east/default/s1'];
    expect(entryPuts(written)).toEqual(kind.takesKeysAlong ? [...stage.source.entries.keys()].sort() : changed);
  });

  it('and whose source is away then keeps what the first one left, whole', async () => {
    await stage.ready();
    await stage.kill();
    stage.sourceProxy.refuse();
    await stage.start();
    await eventually(() => expect(stage.process.status('east')).toMatchObject({ state: 'waiting' }));
    expect(await stage.content()).toEqual(new Map(stage.source.entries));
    expect(deletes(await stage.written())).toEqual([]);
    stage.sourceProxy.resume();
    await stage.same();
    await stage.seen();
    expect(stage.reader.deleted).toEqual([]);
  });
});
