import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock, seededRandom, silentLogger } from '@clustermesh/runtime';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { changed } from './desired-keys.ts';
import type { DesiredKeys, SamplesChange } from './desired-keys.ts';
import { publishSamples } from './publish-samples.ts';

const clock = new FakeClock();
let server: MemoryKvServer;
let stop: AbortController;
let desired: DesiredKeys | undefined;

beforeEach(() => {
  server = new MemoryKvServer({ clock });
  stop = new AbortController();
  desired = { entries: { 'a/1': 'one', 'a/2': 'two' }, canaries: ['synced/a'], beats: true };
  const kv = new MemoryKvStore(server, { clock });
  const deps = { kv, clock, random: seededRandom(1), log: silentLogger };
  void publishSamples({ ...deps, desired: async () => desired, heartbeatMs: 60_000 }, stop.signal);
});
afterEach(() => {
  stop.abort();
  server[Symbol.dispose]();
});

function text(key: string): string | undefined {
  const value = server.get(key)?.value;
  return value && Buffer.from(value).toString();
}

async function say(change: SamplesChange): Promise<void> {
  if (desired !== undefined) desired = changed(desired, change);
  await clock.advance(1_000);
}

it('writes the bytes that it is given, and the canaries behind them', async () => {
  await clock.advance(1_000);
  expect([text('a/1'), text('a/2')]).toEqual(['one', 'two']);
  const revisions = ['a/1', 'a/2', 'synced/a'].map((key) => Number(server.get(key)?.modRevision));
  expect(Math.max(...revisions)).toBe(revisions[2]);
});

it('follows what is put and deleted, and writes a canary once', async () => {
  await clock.advance(1_000);
  const canary = server.get('synced/a')?.modRevision;
  await say({ put: { 'a/3': 'three', 'a/1': 'other' }, delete: ['a/2'] });
  expect([text('a/1'), text('a/2'), text('a/3')]).toEqual(['other', undefined, 'three']);
  expect(server.get('synced/a')?.modRevision).toBe(canary);
});

it('stops its heartbeat without deleting it, and goes on with it', async () => {
  await clock.advance(1_000);
  const first = text('cilium/.heartbeat');
  await say({ heartbeat: false });
  await clock.advance(300_000);
  expect(text('cilium/.heartbeat')).toBe(first);
  expect(text('a/1')).toBe('one');
  await say({ heartbeat: true });
  expect(text('cilium/.heartbeat')).not.toBe(first);
});

it('keeps its keys while what is wanted cannot be read', async () => {
  await clock.advance(1_000);
  const before = desired;
  desired = undefined;
  await clock.advance(1_000);
  expect(text('a/1')).toBe('one');
  desired = before;
});
