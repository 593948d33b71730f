import { afterAll, beforeAll, jest } from '@jest/globals';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import { FaultProxy, TestRedis } from '@clustermesh/testkit';

import { kvStoreConformance } from '../kv-store.conformance.ts';
import { RedisKvStore } from './redis-kv-store.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, log: silentLogger };
const { signal } = new AbortController();
let redis: TestRedis;

beforeAll(async () => {
  redis = await TestRedis.start();
});
afterAll(() => redis[Symbol.asyncDispose]());

kvStoreConformance('RedisKvStore', async () => {
  const proxy = await FaultProxy.listen(redis.port);
  const opened: RedisKvStore[] = [];
  const open = async (): Promise<RedisKvStore> => {
    const store = await RedisKvStore.open(
      { url: `redis://127.0.0.1:${proxy.port}`, session: true, pageSize: 4 },
      deps,
      signal,
    );
    opened.push(store);
    return store;
  };
  const store = await open();
  return {
    store,
    another: open,
    compact: async () => {
      await redis.cli('XTRIM', 'clustermesh:changes', 'MAXLEN', '0');
    },
    wipe: () => redis.restart({ wipe: true }),
    disconnect: async () => proxy.cut(),
    revokeLeases: async () => {
      // As heirs do, behind the stream's back.
      await redis.cli('DEL', 'clustermesh:writers', ...(await redis.cli('KEYS', 'clustermesh:keys:*')).split('\n'));
    },
    tooLarge: new Uint8Array(2_000_000),
    [Symbol.asyncDispose]: async () => {
      for (const client of opened) await client[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await redis.cli('FLUSHALL');
    },
  };
});
