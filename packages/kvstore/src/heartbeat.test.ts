import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, silentLogger } from '@clustermesh/runtime';

import { HeartbeatWatch } from './heartbeat-watch.ts';
import { Heartbeat } from './heartbeat.ts';
import { MemoryKvServer } from './memory/memory-kv-server.ts';
import { MemoryKvStore } from './memory/memory-kv-store.ts';

describe('heartbeat', () => {
  let clock: FakeClock;
  let server: MemoryKvServer;
  let kv: MemoryKvStore;
  let stop: AbortController;
  beforeEach(() => {
    clock = new FakeClock();
    server = new MemoryKvServer({ clock });
    kv = new MemoryKvStore(server, { clock });
    stop = new AbortController();
  });
  afterEach(() => {
    stop.abort();
    server[Symbol.dispose]();
  });

  const beat = (): void => {
    const value = (nowMs: number): Uint8Array => Buffer.from(new Date(nowMs).toISOString());
    void new Heartbeat({ key: 'beat', value }, { writer: kv, clock, log: silentLogger }).run(stop.signal);
  };
  const watch = (): { watch: HeartbeatWatch; beats: number[]; failures: unknown[] } => {
    const heartbeat = new HeartbeatWatch({ prefix: 'beat' }, clock);
    const beats: number[] = [];
    const failures: unknown[] = [];
    const run = heartbeat.run(kv, stop.signal, () => void beats.push(clock.monotonicMs()));
    run.catch((error: unknown) => failures.push(error));
    return { watch: heartbeat, beats, failures };
  };

  it('is written at once and then every 60 s', async () => {
    const { beats } = watch();
    await clock.advance(1_000);
    beat();
    await clock.advance(125_000);
    expect(beats).toEqual([1_000, 61_000, 121_000]);
  });

  it('goes on soon after a write that failed', async () => {
    beat();
    await clock.advance(10_000);
    server.stop();
    await clock.advance(60_000);
    server.start();
    await clock.advance(10_000);
    expect(Buffer.from(server.get('beat')?.value ?? []).toString()).toBe('2026-01-01T00:01:15.000Z');
  });

  it('is written at once when it went with its lease', async () => {
    kv = new MemoryKvStore(server, { clock, leaseTtlSeconds: 30 });
    beat();
    await clock.advance(5_000);
    server.revokeLeases();
    expect(server.get('beat')).toBeUndefined();
    await clock.advance(10_000);
    expect(server.get('beat')).toBeDefined();
  });

  it('keeps the reader connected as long as it beats', async () => {
    beat();
    const { watch: reader, failures } = watch();
    await clock.advance(3_600_000);
    expect(failures).toEqual([]);
    expect(reader.isConnected).toBe(true);
    expect(reader.ageMs).toBeLessThanOrEqual(60_000);
  });

  it('is lost when it does not come for 120 s, counted from the last one', async () => {
    await kv.commit([{ kind: 'put', key: 'beat', value: Buffer.from('x') }]);
    const { failures } = watch();
    await clock.advance(30_000);
    await kv.commit([{ kind: 'put', key: 'beat', value: Buffer.from('x') }]);
    await clock.advance(119_000);
    expect(failures).toEqual([]);
    await clock.advance(2_000);
    expect(failures).toMatchObject([{ code: 'KV_UNAVAILABLE', retryable: true }]);
  });

  it('need not exist when the reader connects, and its deletion is no beat', async () => {
    const { watch: reader, failures } = watch();
    await clock.advance(60_000);
    expect(reader.isConnected).toBe(true);
    await kv.commit([{ kind: 'delete', key: 'beat' }]);
    await clock.advance(59_000);
    expect(failures).toEqual([]);
    await clock.advance(2_000);
    expect(failures).toHaveLength(1);
    expect(reader.isConnected).toBe(false);
  });
});
