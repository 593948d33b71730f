import { describe, expect, it } from '@jest/globals';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock } from '@clustermesh/runtime';
import { cacheOwnerKey } from '@clustermesh/wire';

import { requireOwner } from './redis-cache.ts';

describe('requireOwner', () => {
  const signal = new AbortController().signal;

  async function required(owner: string | undefined): Promise<void> {
    const clock = new FakeClock();
    const store = new MemoryKvStore(new MemoryKvServer({ clock }), { clock });
    if (owner !== undefined) await store.commit([{ kind: 'put', key: cacheOwnerKey, value: Buffer.from(owner) }]);
    await requireOwner(store, 'rediss://redis:6379/1', 'west', signal);
  }

  it('takes the cache of this cluster', async () => {
    await expect(required('west')).resolves.toBeUndefined();
  });

  it('waits for a database that nobody has mirrored into (I4)', async () => {
    await expect(required(undefined)).rejects.toMatchObject({
      code: 'KV_UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('read the cache at rediss://redis:6379/1: nothing is mirrored there yet'),
    });
  });

  it('refuses the cache of another cluster, and names it', async () => {
    await expect(required('east')).rejects.toMatchObject({
      code: 'KV_OTHER_OWNER',
      message: expect.stringContaining('the cache of cluster east, and this is west'),
    });
  });
});
