import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom, silentLogger } from '@clustermesh/runtime';

import type { KvOp } from './kv-store.ts';
import { MemoryKvServer } from './memory/memory-kv-server.ts';
import { MemoryKvStore } from './memory/memory-kv-store.ts';
import { Reflector } from './reflector.ts';

const put = (key: string, value = '1'): KvOp => ({ kind: 'put', key, value: Buffer.from(value) });
const del = (key: string): KvOp => ({ kind: 'delete', key });

describe('Reflector', () => {
  let clock: FakeClock;
  let source: MemoryKvServer;
  let target: MemoryKvServer;
  let writer: MemoryKvStore;
  let stop: AbortController;
  beforeEach(async () => {
    clock = new FakeClock();
    source = new MemoryKvServer({ clock, storeId: 1n });
    target = new MemoryKvServer({ clock, storeId: 2n });
    writer = new MemoryKvStore(source, { clock });
    stop = new AbortController();
    await writer.commit([put('state/a'), put('state/b'), put('other')]);
  });
  afterEach(() => {
    stop.abort();
    source[Symbol.dispose]();
    target[Symbol.dispose]();
  });

  function newReflector(): Reflector {
    const into = new MemoryKvStore(target, { clock, leaseTtlSeconds: 30 });
    const canary = { key: 'canary', value: () => Buffer.from('now') };
    const deps = { writer: into, clock, random: seededRandom(1), log: silentLogger };
    const reflector = new Reflector({ targetPrefix: 'cache/east/', canary }, deps);
    void reflector.write(stop.signal);
    return reflector;
  }

  /** Mirrors until contact with the source is lost or the returned function is called. */
  function follow(reflector: Reflector, prefix = 'state/'): () => void {
    const controller = new AbortController();
    const reader = new MemoryKvStore(source, { clock });
    const signal = AbortSignal.any([stop.signal, controller.signal]);
    void reflector.run(reader, prefix, { witnesses: [] }, signal).catch(() => undefined);
    return () => controller.abort();
  }

  const copies = (): string[] => target.list('').map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`);
  /** Keys changed in the target since a revision, for tests that nothing flaps. */
  const changesSince = (revision: bigint): string[] =>
    (target.eventsAfter(revision) ?? []).flatMap((events) => events.map(({ kind, key }) => `${kind} ${key}`));

  it('copies a prefix under another one, and then announces it', async () => {
    const reflector = newReflector();
    follow(reflector);
    await clock.advance(0);
    expect(copies()).toEqual(['cache/east/a=1', 'cache/east/b=1', 'canary=now']);
    expect(changesSince(1n).at(-1)).toBe('put canary');
    expect(reflector).toMatchObject({ size: 2, pending: 0, isSynced: true });
  });

  it('follows changes', async () => {
    follow(newReflector());
    await clock.advance(0);
    await writer.commit([put('state/a', '2'), del('state/b'), put('state/c')]);
    await clock.advance(0);
    expect(copies()).toEqual(['cache/east/a=2', 'cache/east/c=1', 'canary=now']);
  });

  it('keeps everything while there is no contact, and writes only what has changed when there is again (I3, I4)', async () => {
    const reflector = newReflector();
    follow(reflector);
    await clock.advance(0);
    const { revision } = target;
    source.stop();
    await clock.advance(600_000);
    expect(changesSince(revision)).toEqual([]);
    expect(reflector.isSynced).toBe(false);
    source.start();
    await writer.commit([del('state/b'), put('state/c')]);
    follow(reflector);
    await clock.advance(0);
    expect(changesSince(revision).sort()).toEqual(['delete cache/east/b', 'put cache/east/c']);
  });

  it('deletes what a wiped source no longer has, and touches nothing else', async () => {
    const reflector = newReflector();
    follow(reflector);
    await clock.advance(0);
    const { revision } = target;
    source.wipe(7n);
    await expect(writer.commit([])).resolves.toBeDefined();
    await writer.commit([put('state/a')]).catch(() => writer.commit([put('state/a')]));
    follow(reflector);
    await clock.advance(0);
    expect(changesSince(revision)).toEqual(['delete cache/east/b']);
  });

  it('moves to another prefix of the source without touching equal copies', async () => {
    const reflector = newReflector();
    const end = follow(reflector);
    await clock.advance(0);
    const { revision } = target;
    end();
    await clock.advance(0);
    await writer.commit([put('moved/a'), put('moved/c')]);
    follow(reflector, 'moved/');
    await clock.advance(0);
    expect(changesSince(revision).sort()).toEqual(['delete cache/east/b', 'put cache/east/c']);
  });

  it('brings back what a lost lease took along, from the source, and the canary last', async () => {
    follow(newReflector());
    await clock.advance(0);
    const before = copies();
    target.revokeLeases();
    const { revision } = target;
    expect(copies()).toEqual([]);
    await clock.advance(10_000);
    expect(copies()).toEqual(before);
    expect(changesSince(revision).at(-1)).toBe('put canary');
  });

  it('deletes after a restart what the source deleted meanwhile (I3)', async () => {
    const first = newReflector();
    follow(first);
    await clock.advance(0);
    stop.abort();
    stop = new AbortController();
    await writer.commit([del('state/a')]);
    const second = newReflector();
    await second.adopt(new MemoryKvStore(target, { clock }), stop.signal);
    follow(second);
    await clock.advance(0);
    expect(copies()).toEqual(['cache/east/b=1', 'canary=now']);
  });

  it('drains its copies and its canary', async () => {
    const reflector = newReflector();
    const end = follow(reflector);
    await clock.advance(0);
    end();
    await clock.advance(0);
    reflector.drain();
    await clock.advance(0);
    expect(copies()).toEqual([]);
  });

  it('holds the source back when the target does not take writes', async () => {
    const reflector = newReflector();
    target.stop();
    await writer.commit(Array.from({ length: 40_000 }, (_, index) => put(`state/${index}`)));
    follow(reflector);
    await clock.advance(0);
    expect(reflector.pending).toBeLessThan(20_000);
    target.start();
    await clock.advance(60_000);
    expect(reflector).toMatchObject({ size: 40_002, pending: 0 });
  });
});
