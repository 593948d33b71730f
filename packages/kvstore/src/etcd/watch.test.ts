import { describe, expect, it } from '@jest/globals';

import { nextPageSize } from './list.ts';
import type { WatchResponse } from './messages.ts';
import { advance } from './watch.ts';

const point = { storeId: 1n, revision: 100n, witnesses: new Map<string, string>() };

describe('advance', () => {
  it.each<{ name: string; response: Partial<WatchResponse>; header: bigint; revisions?: bigint[]; want: bigint }>([
    { name: 'to the last event of a live answer', response: {}, header: 101n, revisions: [101n], want: 101n },
    {
      name: 'to the last event of a catch-up, not to the revision of the store',
      response: {},
      header: 9_000n,
      revisions: [101n, 250n],
      want: 250n,
    },
    { name: 'by a progress notification', response: {}, header: 500n, want: 500n },
    { name: 'nowhere by the creation of the watch', response: { created: true }, header: 500n, want: 100n },
    { name: 'never back', response: {}, header: 50n, want: 100n },
  ])('moves $name', ({ response, header, revisions = [], want }) => {
    const events = revisions.map((modRevision) => ({
      isDelete: false,
      kv: { key: 'a', createRevision: 1n, modRevision, value: Buffer.alloc(0) },
    }));
    const full: WatchResponse = {
      header: { clusterId: 1n, revision: header },
      ...{ created: false, canceled: false, compactRevision: 0n, cancelReason: '' },
      events,
      ...response,
    };
    expect(advance(point, full).revision).toBe(want);
  });
});

describe('nextPageSize', () => {
  it.each([
    { name: 'doubles while pages are small', size: 256, bytes: 25_600, want: 512 },
    { name: 'stays when pages are big enough', size: 256, bytes: 512_000, want: 256 },
    { name: 'has an upper end', size: 8_192, bytes: 8_192, want: 8_192 },
  ])('$name', ({ size, bytes, want }) => expect(nextPageSize(size, bytes)).toBe(want));
});
