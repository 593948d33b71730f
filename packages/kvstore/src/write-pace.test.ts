import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@clustermesh/runtime';

import type { KvOp } from './kv-store.ts';
import { MemoryKvServer } from './memory/memory-kv-server.ts';
import { MemoryKvStore } from './memory/memory-kv-store.ts';
import { WritePace } from './write-pace.ts';

function setUp(perSecond: number, whileStarting: number) {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  const pace = new WritePace({ perSecond, whileStarting }, clock);
  const kv = pace.paced(new MemoryKvStore(server, { clock }));
  const stop = new AbortController();
  const put = (from: number, count: number): Promise<unknown> => {
    const ops = Array.from({ length: count }, (_, index): KvOp => {
      return { kind: 'put', key: `k${String(from + index).padStart(4, '0')}`, value: Buffer.from('v') };
    });
    return kv.commit(ops, stop.signal);
  };
  const written = (): number => server.list('k').length;
  return { clock, pace, put, written, kv, stop };
}

describe('WritePace', () => {
  it('writes so much at once, then so much a second, in order', async () => {
    const { clock, pace, put, written } = setUp(20, 20);
    pace.started();
    const done = put(0, 100);
    await clock.advance(0);
    expect(written()).toBe(20);
    await clock.advance(2_100);
    expect(written()).toBeGreaterThanOrEqual(40);
    expect(written()).toBeLessThanOrEqual(80);
    await clock.advance(5_000);
    await done;
    expect(written()).toBe(100);
  });

  it('is faster until everything was published once', async () => {
    const { clock, pace, put, written } = setUp(10, 1_000);
    const first = put(0, 900);
    await clock.advance(1);
    await first;
    pace.started();
    void put(900, 100);
    await clock.advance(1_000);
    expect(written()).toBeLessThanOrEqual(930);
  });

  it('serves kinds in turn: a short commit waits for a part of a long one, not for all of it', async () => {
    const { clock, pace, put, written } = setUp(10, 10);
    pace.started();
    void put(0, 500);
    await clock.advance(0);
    let done = false;
    void put(5_000, 1).then(() => (done = true));
    await clock.advance(3_000);
    expect(done).toBe(true);
    expect(written()).toBeLessThan(100);
  });

  it('ends a wait on abort, and writes no more', async () => {
    const { clock, put, written, stop } = setUp(10, 10);
    const done = put(0, 100);
    await clock.advance(0);
    stop.abort();
    await expect(done).rejects.toThrow();
    expect(written()).toBeLessThanOrEqual(20);
  });

  it('tells of all that were refused', async () => {
    const { clock, kv, stop } = setUp(2, 2);
    const tooLarge = Buffer.alloc(3 * 1_048_576);
    const ops = [0, 1, 2, 3].map((index): KvOp => ({
      kind: 'put',
      key: `k${index}`,
      value: index % 2 ? tooLarge : Buffer.from('v'),
    }));
    const result = kv.commit(ops, stop.signal);
    await clock.advance(10_000);
    expect((await result).refused.map(({ op }) => op)).toEqual([ops[1], ops[3]]);
  });
});
