import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeError, isMeshError, silentLogger, systemClock } from '@clustermesh/runtime';
import { TestRedis, TestSentinel, eventually } from '@clustermesh/testkit';

import type { KvOp, ResumePoint, WatchBatch } from '../kv-store.ts';
import { RedisKvStore } from './redis-kv-store.ts';
import type { RedisOptions } from './redis-options.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, log: silentLogger };
const { signal } = new AbortController();
const tuning = { requestTimeoutMs: 1_000, leaseTtlSeconds: 60, silenceMs: 600 };

describe('a Redis whose primary fails', () => {
  let stack: AsyncDisposableStack;
  let stop: AbortController;
  let primary: TestRedis;
  let replica: TestRedis;
  let sentinel: TestSentinel;
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    stop = stack.adopt(new AbortController(), (controller) => controller.abort());
    primary = stack.use(await TestRedis.start());
    const config = ['repl-diskless-sync-delay 0', 'repl-ping-replica-period 1'];
    replica = stack.use(await TestRedis.start({ replicaOf: primary.port, config }));
    sentinel = stack.use(await TestSentinel.start({ primaryPort: primary.port, downAfterMs: 400 }));
    await eventually(async () => expect(await sentinel.replicas()).toBe(1));
    await eventually(async () => expect(await replica.cli('INFO', 'replication')).toContain('master_link_status:up'));
  });
  afterEach(() => stack.disposeAsync());

  async function open(options: Partial<RedisOptions> = {}, session = true): Promise<RedisKvStore> {
    const url = TestSentinel.url('redis', [sentinel.port]);
    return stack.use(await RedisKvStore.open({ url, session, ...tuning, ...options }, deps, signal));
  }

  /** As SyncStore and whoever watches do: again until it is done. */
  async function write(store: RedisKvStore, ops: readonly KvOp[]): Promise<void> {
    await eventually(() => store.commit(ops, signal), { timeoutMs: 15_000 });
  }

  it('is followed to the next one, and what nothing was lost of is resumed without a listing', async () => {
    const [writer, reader] = [await open(), await open({}, false)];
    const lost: string[] = [];
    writer.onLeaseLost((keys) => lost.push(...keys));
    await writer.commit([put('p/kept', '1'), put('p/gone', '1')], signal);
    const seen = followed(reader);
    await eventually(() => expect(seen).toEqual(['+p/gone=1', '+p/kept=1', '#']));
    await replicated();
    await primary.kill();
    await write(writer, [del('p/gone'), put('p/new', '1')]);
    await eventually(() => expect(seen.slice(3).sort()).toEqual(['+p/new=1', '-p/gone']), { timeoutMs: 15_000 });
    expect(lost).toEqual([]);
    expect(await replica.cli('ROLE')).toContain('master');
  });

  it('loses no delete that the next one has not heard of: it is listed, compared, and deleted there too', async () => {
    const [writer, reader] = [await open(), await open({}, false)];
    const again: string[] = [];
    await writer.commit([put('p/kept', '1'), put('p/gone', '1')], signal);
    const seen = followed(reader);
    await eventually(() => expect(seen).toHaveLength(3));
    await replicated();
    // From here on it hears nothing any more.
    await replica.cli('REPLICAOF', '127.0.0.1', '1');
    writer.onLeaseLost((keys) => {
      again.push(...keys);
      void writer.commit(keys.map((key) => put(key, '1')), signal); // prettier-ignore
    });
    await writer.commit([del('p/gone'), put('p/late', '1')], signal);
    await eventually(() => expect(seen.slice(3).sort()).toEqual(['+p/late=1', '-p/gone']));
    await primary.kill();
    await write(writer, [put('p/new', '1')]);
    expect(again).toEqual(expect.arrayContaining(['p/kept', 'p/late']));
    await eventually(async () => {
      expect(await reader.get('p/gone')).toBeUndefined();
      expect(await reader.get('p/late')).toBeDefined();
    });
    expect(await reader.get('p/kept')).toBeDefined();
    // The reader was told so: listed anew, and what had come back was deleted once more.
    await eventually(() => expect(stateOf(seen)).toEqual(['p/kept', 'p/late', 'p/new']));
    expect(seen.slice(5)).toContain('#');
    expect(seen.filter((line) => line === '-p/kept')).toEqual([]);
  });

  /** Watches for ever, as long as errors may be retried. */
  function followed(reader: RedisKvStore): string[] {
    const lines: string[] = [];
    const run = async (): Promise<void> => {
      for (let resume: ResumePoint | undefined; !stop.signal.aborted;) {
        try {
          for await (const batch of reader.watch('p/', { resume }, stop.signal)) {
            lines.push(...describeBatch(batch));
            resume = batch.phase === 'list' ? resume : batch.point;
          }
        } catch (error) {
          if (!isMeshError(error) || !error.retryable) lines.push(describeError(error));
          await systemClock.sleep(50, stop.signal);
        }
      }
    };
    void run();
    return lines;
  }

  async function replicated(): Promise<void> {
    await eventually(async () => {
      const [here, there] = [await primary.cli('INFO', 'replication'), await replica.cli('INFO', 'replication')];
      const offset = (text: string): string | undefined => /repl_offset:(\d+)/.exec(text)?.[1];
      expect(offset(there)).toBe(/master_repl_offset:(\d+)/.exec(here)?.[1]);
    });
  }
});

function describeBatch({ events, phase }: WatchBatch): string[] {
  const told = events.map((event) => (event.kind === 'put' ? `+${event.key}=1` : `-${event.key}`));
  return phase === 'list-done' ? [...told, '#'] : told;
}

/** What a reader has in the end: a listing is everything, and begins with its first put. */
function stateOf(lines: readonly string[]): string[] {
  const keys = new Set<string>();
  const lastListed = lines.lastIndexOf('#');
  const before = lines.slice(0, lastListed).lastIndexOf('#');
  for (const line of lines.slice(before + 1)) {
    if (line.startsWith('+')) keys.add(line.slice(1, line.indexOf('=')));
    else keys.delete(line.slice(1));
  }
  return [...keys].filter((key) => key !== '').sort();
}

describe('Sentinels', () => {
  it('are asked in their order, and told apart when none of them helps', async () => {
    await using redis = await TestRedis.start({ tls: true });
    const tlsOf = { primaryPort: redis.port, tls: redis };
    await using sentinel = await TestSentinel.start({ ...tlsOf, config: ['requirepass sesame'] });
    const tls = { ca: redis.ca.cert, ...(await redis.ca.issue({ commonName: 'client' })) };
    const open = (url: string, password?: string): Promise<RedisKvStore> => {
      const credentials = async () => ({ tls, sentinel: { password } });
      return RedisKvStore.open({ url, session: true, credentials, ...tuning }, deps, signal);
    };
    const url = TestSentinel.url('rediss', [1, sentinel.port]);
    await using store = await open(url, 'sesame');
    await store.commit([put('p/a', '1')], signal);
    const locked = {
      code: 'KV_UNAUTHENTICATED',
      retryable: true,
      message: expect.stringContaining('Sentinel 127.0.0.1:1:'),
    };
    await expect(open(url)).rejects.toMatchObject(locked);
    const nameless = { code: 'KV_REFUSED', message: expect.stringContaining('it knows none of that name') };
    await expect(open(url.replace('/mesh', '/other'), 'sesame')).rejects.toMatchObject(nameless);
    await expect(open(TestSentinel.url('rediss', [1, 2]))).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  });

  it('that name a replica are not believed', async () => {
    await using primary = await TestRedis.start();
    await using replica = await TestRedis.start({ replicaOf: primary.port });
    await using sentinel = await TestSentinel.start({ primaryPort: replica.port });
    const url = TestSentinel.url('redis', [sentinel.port]);
    const opening = RedisKvStore.open({ url, session: true, ...tuning }, deps, signal);
    await expect(opening).rejects.toMatchObject({ retryable: true });
  });
});

function put(key: string, value: string): KvOp {
  return { kind: 'put', key, value: Buffer.from(value) };
}

function del(key: string): KvOp {
  return { kind: 'delete', key };
}
