import { expect, it } from '@jest/globals';
import type { KvEvent, WatchBatch } from '@clustermesh/kvstore';

import { inSmallBatches } from './small-batches.ts';

const point = { storeId: 1n, revision: 5n, witnesses: new Map() };
const events = (sizes: readonly number[]): KvEvent[] =>
  sizes.map((size, index) => ({ kind: 'put', key: `k${index}`, value: new Uint8Array(size), modRevision: 1n }));

async function seen(batch: WatchBatch): Promise<readonly [phase: string, keys: string][]> {
  const kv = {
    async *watch(): AsyncGenerator<WatchBatch> {
      await Promise.resolve();
      yield batch;
    },
  };
  const parts: [string, string][] = [];
  for await (const part of inSmallBatches(kv, { events: 2, bytes: 10 }).watch('p/', {}, new AbortController().signal)) {
    expect(part.point).toBe(point);
    parts.push([part.phase, part.events.map(({ key }) => key).join(' ')]);
  }
  return parts;
}

it.each<{ phase: WatchBatch['phase']; count: number; want: readonly (readonly [string, string])[] }>([
  {
    phase: 'list',
    count: 5,
    want: [
      ['list', 'k0 k1'],
      ['list', 'k2 k3'],
      ['list', 'k4'],
    ],
  },
  {
    phase: 'list-done',
    count: 4,
    want: [
      ['list', 'k0 k1'],
      ['list-done', 'k2 k3'],
    ],
  },
  { phase: 'list-done', count: 0, want: [['list-done', '']] },
  { phase: 'live', count: 3, want: [['live', 'k0 k1 k2']] },
])('$phase of $count events: only its last part ends a listing', async ({ phase, count, want }) => {
  const sizes = Array.from({ length: count }, () => 0);
  expect(await seen({ phase, events: events(sizes), point })).toEqual(want);
});

it('cuts before values get too many bytes, but never a value', async () => {
  expect(await seen({ phase: 'list-done', events: events([4, 6, 1, 11, 12, 9]), point })).toEqual([
    ['list', 'k0 k1'],
    ['list', 'k2'],
    ['list', 'k3'],
    ['list', 'k4'],
    ['list-done', 'k5'],
  ]);
});
