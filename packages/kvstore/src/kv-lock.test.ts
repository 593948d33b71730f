import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';

import { KvLock } from './kv-lock.ts';
import { MemoryKvServer } from './memory/memory-kv-server.ts';
import { MemoryKvStore } from './memory/memory-kv-store.ts';

const path = 'cilium/kvstoremesh-lock';
const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function setUp() {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  const data = new MemoryKvStore(server, { clock });
  const replica = (seed: number) => {
    const stop = new AbortController();
    stops.push(stop);
    const store = new MemoryKvStore(server, { clock, leaseTtlSeconds: 25 });
    const deps = { store, clock, random: seededRandom(seed), health: new Health(clock), log: silentLogger };
    const lock = new KvLock(path, deps);
    let failure: unknown;
    void lock.run(stop.signal).catch((error: unknown) => (failure = error));
    const written: string[] = [];
    const put = (key: string): void => {
      const op = { kind: 'put', key, value: Buffer.from('v') } as const;
      const done = lock.guard(data).commit([op], stop.signal);
      void done.then(() => written.push(key)).catch(() => undefined);
    };
    return { lock, put, stop, written, failure: () => failure };
  };
  return { clock, server, replica };
}

describe('KvLock', () => {
  it('is held by the first of several, and the others write nothing', async () => {
    const { clock, replica } = setUp();
    const replicas = [1, 2, 3].map(replica);
    for (const [index, { put }] of replicas.entries()) put(`k${index}`);
    await clock.advance(600_000);
    expect(replicas.filter(({ lock }) => lock.isHeld)).toHaveLength(1);
    expect(replicas.flatMap(({ written }) => written)).toHaveLength(1);
  });

  it('waits for a holder that is a program of Go, and goes to us when that one’s key goes', async () => {
    const { clock, server, replica } = setUp();
    const theirs = `${path}/694d9a1b2c3d4e5f`;
    server.apply([{ kind: 'put', key: theirs, value: new Uint8Array() }], 0);
    const ours = replica(1);
    await clock.advance(60_000);
    expect(ours.lock.isHeld).toBe(false);
    server.apply([{ kind: 'delete', key: theirs }], 0);
    await clock.advance(100);
    expect(ours.lock.isHeld).toBe(true);
  });

  it('holds a program of Go up: its key is there, with a lower revision than theirs', async () => {
    const { clock, server, replica } = setUp();
    const ours = replica(1);
    await clock.advance(100);
    server.apply([{ kind: 'put', key: `${path}/1`, value: new Uint8Array() }], 0);
    await clock.advance(100);
    const [first] = server.list(`${path}/`).toSorted((a, b) => Number(a.createRevision - b.createRevision));
    expect(first?.key).not.toBe(`${path}/1`);
    expect(ours.lock.isHeld).toBe(true);
  });

  it('is handed over at the end, without waiting for a lease', async () => {
    const { clock, replica } = setUp();
    const first = replica(1);
    await clock.advance(100);
    const second = replica(2);
    await clock.advance(100);
    first.stop.abort();
    await clock.advance(100);
    expect([first.failure(), second.lock.isHeld]).toEqual([undefined, true]);
  });

  it('is lost with its lease, which ends its holder; the next one has it', async () => {
    const { clock, server, replica } = setUp();
    const first = replica(1);
    await clock.advance(100);
    const second = replica(2);
    await clock.advance(100);
    server.revokeLeases();
    await clock.advance(30_000);
    expect(first.failure()).toMatchObject({ code: 'KV_LEADERSHIP_LOST' });
    expect(second.lock.isHeld).toBe(true);
  });

  it('lets nothing be written while the store is away, and goes on when it was not lost meanwhile', async () => {
    const { clock, server, replica } = setUp();
    const ours = replica(1);
    await clock.advance(100);
    server.disconnectAll();
    ours.put('late');
    expect(ours.written).toEqual([]);
    await clock.advance(10_000);
    expect([ours.lock.isHeld, ours.failure(), ours.written]).toEqual([true, undefined, ['late']]);
  });
});
