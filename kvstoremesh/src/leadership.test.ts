import { describe, expect, it } from '@jest/globals';

import { KvLock, MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';

import { Leadership, openLock } from './leadership.ts';

function setUp() {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  const store = new MemoryKvStore(server, { clock, leaseTtlSeconds: 25 });
  const random = seededRandom(1);
  const lock = new KvLock('cilium/kvstoremesh-lock', {
    store,
    clock,
    random,
    health: new Health(clock),
    log: silentLogger,
  });
  return { clock, server, leadership: new Leadership(lock, clock) };
}
const theirs = { kind: 'put', key: 'cilium/kvstoremesh-lock/1', value: new Uint8Array() } as const;

describe('Leadership', () => {
  it('is ready after ten seconds while another replica mirrors, and stays so when it takes over', async () => {
    const { clock, server, leadership } = setUp();
    server.apply([theirs], 0);
    const stop = new AbortController();
    const running = leadership.run(stop.signal);
    await clock.advance(9_000);
    expect(leadership.notReady(() => undefined)).toBe('another replica holds cilium/kvstoremesh-lock');
    await clock.advance(1_000);
    expect(leadership.notReady(() => 'waiting for east')).toBeUndefined();
    server.apply([{ kind: 'delete', key: theirs.key }], 0);
    await clock.advance(1_000);
    expect(leadership.isLeader).toBe(true);
    expect(leadership.notReady(() => 'waiting for east')).toBeUndefined();
    stop.abort();
    await running;
  });

  it('is as ready as what it mirrors when it leads', async () => {
    const { clock, leadership } = setUp();
    const stop = new AbortController();
    const running = leadership.run(stop.signal);
    await clock.advance(20_000);
    expect(leadership.notReady(() => 'waiting for east')).toBe('waiting for east');
    expect(leadership.notReady(() => undefined)).toBeUndefined();
    stop.abort();
    await running;
  });

  it('leads at once where nobody else writes', async () => {
    const leadership = new Leadership(undefined, new FakeClock());
    expect(leadership.isLeader).toBe(true);
    await leadership.held(new AbortController().signal);
  });

  it.each([
    {
      store: 'redis',
      names: 'one a cluster: a database given to two by mistake stops neither',
      leaders: ['east', 'west'],
    },
    { store: 'etcd', names: 'one for all, as Cilium has it', leaders: ['east'] },
  ] as const)('of a cache in $store is $names', async ({ store, leaders }) => {
    const clock = new FakeClock();
    const server = new MemoryKvServer({ clock });
    const health = new Health(clock);
    const open = async () => new MemoryKvStore(server, { clock, leaseTtlSeconds: 25 });
    await using stack = new AsyncDisposableStack();
    const stop = new AbortController();
    const held: string[] = [];
    const running: Promise<void>[] = [];
    for (const [cluster, seed] of [
      ['east', 1],
      ['east', 2],
      ['west', 3],
    ] as const) {
      const deps = { cluster, clock, health, random: seededRandom(seed), log: silentLogger };
      const lock = await openLock({ store, open }, deps, stack, stop.signal);
      if (lock !== undefined) running.push(lock.run(stop.signal));
      void lock?.held(stop.signal).then(() => held.push(cluster));
      await clock.advance(1_000);
    }
    expect(held).toEqual(leaders);
    stop.abort();
    await Promise.all(running);
  });
});
