import { describe, expect, it } from '@jest/globals';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { FakeClock, MeshError } from '@clustermesh/runtime';

import { LazyStore } from './lazy-store.ts';

function setUp(failures: readonly (Error | undefined)[]) {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  let opened = 0;
  const open = async (): Promise<KvStore> => {
    const failure = failures[opened++];
    if (failure !== undefined) throw failure;
    return new MemoryKvStore(server, { clock });
  };
  const cache = new LazyStore({ open, clock });
  return { clock, server, cache, opened: () => opened, signal: new AbortController().signal };
}

const unreachable = new MeshError('KV_UNAVAILABLE', 'connect', { retryable: true });

describe('LazyStore', () => {
  it('opens nothing before it is asked', () => {
    expect(setUp([]).opened()).toBe(0);
  });

  it('opens one store for all who ask', async () => {
    const { cache, opened, signal } = setUp([]);
    await Promise.all([cache.get('a', signal), cache.get('b', signal)]);
    expect(opened()).toBe(1);
  });

  it('lets a failed attempt stand for a second, then tries again', async () => {
    const { cache, clock, opened, signal } = setUp([unreachable]);
    await expect(cache.get('a', signal)).rejects.toThrow(unreachable);
    await expect(cache.get('a', signal)).rejects.toThrow(unreachable);
    expect(opened()).toBe(1);
    await clock.advance(1_000);
    await expect(cache.get('a', signal)).resolves.toBeUndefined();
    expect(opened()).toBe(2);
  });

  it('keeps its store over a loss of contact', async () => {
    const { cache, server, opened, signal } = setUp([]);
    await cache.get('a', signal);
    server.stop();
    await expect(cache.get('a', signal)).rejects.toThrow();
    server.start();
    await cache.get('a', signal);
    expect(opened()).toBe(1);
  });
});
