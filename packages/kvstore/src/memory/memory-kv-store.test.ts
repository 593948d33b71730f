import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@clustermesh/runtime';

import { kvStoreConformance } from '../kv-store.conformance.ts';
import { MemoryKvServer } from './memory-kv-server.ts';
import { MemoryKvStore } from './memory-kv-store.ts';

kvStoreConformance('MemoryKvStore', async () => {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock, maxValueBytes: 1_000 });
  const client = (): MemoryKvStore => new MemoryKvStore(server, { clock, pageSize: 4 });
  return {
    store: client(),
    another: async () => client(),
    compact: async () => server.compact(),
    wipe: async () => server.wipe(),
    disconnect: async () => server.disconnectAll(),
    revokeLeases: async () => server.revokeLeases(),
    tooLarge: new Uint8Array(1_001),
    [Symbol.asyncDispose]: async () => server[Symbol.dispose](),
  };
});

describe('MemoryKvServer', () => {
  const { signal } = new AbortController();
  const put = { kind: 'put', key: 'a', value: new Uint8Array(1) } as const;

  it('drops the keys of a client that is gone for a TTL, not earlier', async () => {
    const clock = new FakeClock();
    using server = new MemoryKvServer({ clock });
    const store = new MemoryKvStore(server, { clock, leaseTtlSeconds: 30 });
    await store.commit([put]);
    await clock.advance(120_000);
    expect(server.get('a')).toBeDefined();
    await store[Symbol.asyncDispose]();
    await clock.advance(29_000);
    expect(server.get('a')).toBeDefined();
    await clock.advance(2_000);
    expect(server.get('a')).toBeUndefined();
  });

  it('lets a client notice within a third of the TTL that its lease is gone', async () => {
    const clock = new FakeClock();
    using server = new MemoryKvServer({ clock });
    const store = new MemoryKvStore(server, { clock, leaseTtlSeconds: 30 });
    const lost: string[] = [];
    store.onLeaseLost((keys) => lost.push(...keys));
    await store.commit([put]);
    server.revokeLeases();
    await clock.advance(10_000);
    expect(lost).toEqual(['a']);
  });

  it('refuses puts when it is full, and takes deletes', async () => {
    const clock = new FakeClock();
    using server = new MemoryKvServer({ clock });
    const store = new MemoryKvStore(server, { clock });
    await store.commit([put]);
    server.isFull = true;
    await expect(store.commit([put])).rejects.toMatchObject({ code: 'KV_NO_SPACE', retryable: true });
    await store.commit([{ kind: 'delete', key: 'a' }]);
    expect(server.get('a')).toBeUndefined();
  });

  it('tells a client once that another store answers, which loses its leases', async () => {
    const clock = new FakeClock();
    using server = new MemoryKvServer({ clock });
    const store = new MemoryKvStore(server, { clock });
    const lost: string[] = [];
    store.onLeaseLost((keys) => lost.push(...keys));
    await store.commit([put]);
    server.wipe(2n);
    await expect(store.commit([put])).rejects.toMatchObject({ code: 'KV_STORE_CHANGED', retryable: true });
    expect(lost).toEqual(['a']);
    await expect(store.commit([put])).resolves.toMatchObject({ refused: [] });
  });

  it('answers nobody while it is stopped', async () => {
    const clock = new FakeClock();
    using server = new MemoryKvServer({ clock });
    const store = new MemoryKvStore(server, { clock });
    server.stop();
    await expect(store.get('a')).rejects.toMatchObject({ code: 'KV_UNAVAILABLE', retryable: true });
    await expect(store.watch('a', {}, signal).next()).rejects.toMatchObject({ code: 'KV_UNAVAILABLE' });
    server.start();
    await expect(store.get('a')).resolves.toBeUndefined();
  });
});
