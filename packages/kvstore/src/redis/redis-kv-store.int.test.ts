import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import { FaultProxy, TestRedis, TestSentinel } from '@clustermesh/testkit';

import { kvStoreConformance } from '../kv-store.conformance.ts';
import type { StoreUnderTest } from '../kv-store.conformance.ts';
import { RedisKvStore } from './redis-kv-store.ts';
import type { RedisOptions } from './redis-options.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, log: silentLogger };
const { signal } = new AbortController();

/** A server, and how a store comes to it through a proxy in front of it. */
interface Way {
  readonly name: string;
  readonly tls: boolean;
  readonly options: (redis: TestRedis, port: number, stack: AsyncDisposableStack) => Promise<RedisOptions>;
}

const ways: readonly Way[] = [
  { name: 'by its address', tls: false, options: async (_, port) => ({ url: `redis://127.0.0.1:${port}` }) },
  {
    name: 'over TLS',
    tls: true,
    options: async ({ ca }, port) => {
      const tls = { ca: ca.cert, ...(await ca.issue({ commonName: 'client' })) };
      return { url: `rediss://127.0.0.1:${port}`, credentials: async () => ({ tls }) };
    },
  },
  {
    name: 'by a Sentinel',
    tls: false,
    options: async (_, port, stack) => {
      const sentinel = stack.use(await TestSentinel.start({ primaryPort: port }));
      return { url: TestSentinel.url('redis', [1, sentinel.port]) };
    },
  },
];

describe.each(ways)('a Redis reached $name', ({ name, tls, options }) => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await TestRedis.start({ tls });
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  kvStoreConformance(`RedisKvStore ${name}`, async (): Promise<StoreUnderTest> => {
    const stack = new AsyncDisposableStack();
    stack.defer(async () => {
      await redis.cli('FLUSHALL');
    });
    const proxy = stack.use(await FaultProxy.listen(redis.port));
    const way = await options(redis, proxy.port, stack);
    const open = async (): Promise<RedisKvStore> =>
      stack.use(await RedisKvStore.open({ ...way, session: true, pageSize: 4 }, deps, signal));
    return {
      store: await open(),
      another: open,
      compact: async () => {
        await redis.cli('XTRIM', 'clustermesh:changes', 'MAXLEN', '0');
      },
      wipe: () => redis.restart({ wipe: true }),
      disconnect: async () => proxy.cut(),
      revokeLeases: async () => {
        // As heirs do, behind the stream's back.
        const hashes = (await redis.cli('KEYS', 'clustermesh:keys:*')).split('\n');
        await redis.cli('DEL', 'clustermesh:writers', ...hashes);
      },
      tooLarge: new Uint8Array(2_000_000),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  });
});
