import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import { TestRedis, eventually } from '@clustermesh/testkit';

import type { KvOp, KvStore, ResumePoint } from '../kv-store.ts';
import { RedisKvStore } from './redis-kv-store.ts';
import type { RedisTuning } from './redis-kv-store.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, log: silentLogger };
const { signal } = new AbortController();
const quick = { leaseTtlSeconds: 600, silenceMs: 300 };

describe('writers of a Redis', () => {
  let redis: TestRedis;
  let stack: AsyncDisposableStack;
  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  beforeEach(() => {
    stack = new AsyncDisposableStack();
  });
  afterEach(async () => {
    await stack.disposeAsync();
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    await redis.cli('FLUSHALL');
  });

  async function open(tuning: Partial<RedisTuning> = {}): Promise<RedisKvStore> {
    return stack.use(await RedisKvStore.open({ url: redis.url, session: true, ...quick, ...tuning }, deps, signal));
  }
  const revision = (): Promise<string> => redis.cli('HGET', 'clustermesh:meta', 'revision');

  /** What a clock that jumps forward does to all keys that expire. */
  async function expireAll(): Promise<void> {
    const keys = (await redis.cli('KEYS', 'clustermesh:writer:*')).split('\n');
    await redis.cli('DEL', ...keys);
  }

  it('that live lose nothing and write nothing when the clock of the server jumps by hours', async () => {
    const [one, other] = [await open(), await open()];
    const lost: string[] = [];
    for (const store of [one, other]) store.onLeaseLost((keys) => lost.push(...keys));
    await one.commit([put('p/a')], signal);
    await other.commit([put('p/b')], signal);
    const [reader, before, ids] = [
      await open({ session: false, requestTimeoutMs: 400 }),
      await revision(),
      await writers(),
    ];
    const stop = new AbortController();
    const phases: string[] = [];
    const watching = (async () => {
      for await (const { phase } of reader.watch('p/', {}, stop.signal)) phases.push(phase);
    })();
    await eventually(() => expect(phases).toEqual(['list-done']));
    await expireAll();
    await eventually(async () => expect(await redis.cli('KEYS', 'clustermesh:writer:*')).toContain('\n'));
    await systemClock.sleep(600);
    stop.abort();
    await expect(watching).resolves.toBeUndefined();
    expect([lost, await revision(), await writers()]).toEqual([[], before, ids]);
    expect(phases).toEqual(['list-done']);
  });

  it('take over what they hold of a dead one without a change, and delete the rest', async () => {
    const dead = await open();
    await dead.commit([put('p/both'), put('p/left')], signal);
    const heir = await open();
    await heir.commit([put('p/both', 'older')], signal);
    await dead.commit([put('p/both')], signal);
    const again: string[] = [];
    heir.onLeaseLost((keys) => again.push(...keys));
    const entry = await heir.get('p/both');
    await dead[Symbol.asyncDispose]();
    await expireAll();
    await eventually(async () => expect(await heir.get('p/left')).toBeUndefined());
    expect(again).toEqual(['p/both']);
    expect(await heir.get('p/both')).toEqual(entry);
    await eventually(async () => expect(await redis.cli('EXISTS', 'clustermesh:dead')).toBe('0'));
  });

  it('make no revision of a value that is there already, whoever has put it', async () => {
    const first = await open();
    await first.commit([put('p/a'), put('p/b')], signal);
    const before = await revision();
    await (await open()).commit([put('p/a'), put('p/b')], signal);
    expect(await revision()).toBe(before);
  });

  it('tell of a commit only what it has changed, group by group', async () => {
    const store = await open();
    const resume = await pointOf(store);
    await store.commit([put('p/a'), put('p/b')], signal);
    await store.commit([put('p/a'), put('p/b', '2'), del('p/none'), put('q/a'), put('r/a')], signal);
    await store.commit([del('p/a'), put('q/a'), put('r/a', '2')], signal);
    const told: string[] = [];
    for await (const { events } of store.watch('', { resume }, signal)) {
      told.push(...events.map(({ kind, key }) => `${kind} ${key}`));
      if (told.length >= 7) break;
    }
    expect(told).toEqual(['put p/a', 'put p/b', 'put p/b', 'put q/a', 'put r/a', 'delete p/a', 'put r/a']);
  });

  it('delete, and begin to, while memory is full: what frees memory needs none', async () => {
    const store = await open();
    const keys = Array.from({ length: 600 }, (_, index) => `p/${index}`);
    await store.commit(keys.map((key) => put(key, 'x'.repeat(200))), signal); // prettier-ignore
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    await store.commit(keys.slice(0, 250).map(del), signal);
    await expect(store.commit([put('p/new')], signal)).rejects.toMatchObject({ code: 'KV_NO_SPACE' });
    const other = await open();
    await other.commit(keys.slice(250).map(del), signal);
    expect(await redis.cli('EXISTS', 'clustermesh:keys:p/')).toBe('0');
    expect(Number(await redis.cli('XLEN', 'clustermesh:changes'))).toBeGreaterThanOrEqual(4);
  });

  it('delete a prefix of some keys at once, and a large one bit by bit and wholly', async () => {
    const store = await open();
    await store.commit([...Array.from({ length: 100 }, (_, index) => put(`p/${index}`)), put('q/a')], signal);
    const before = BigInt(await revision());
    await store.commit([{ kind: 'delete-prefix', prefix: 'p/' }], signal);
    expect(BigInt(await revision()) - before).toBe(1n);
    const prefix = 'cilium/cache/ip/v1/c1/';
    await store.commit(Array.from({ length: 3_000 }, (_, index) => put(`${prefix}${index}`)), signal); // prettier-ignore
    await store.commit([{ kind: 'delete-prefix', prefix }], signal);
    expect(await redis.cli('SMEMBERS', 'clustermesh:groups')).toBe('q/');
  });

  it('send a script again that the server has forgotten', async () => {
    const store = await open();
    await store.commit([put('p/a')], signal);
    await redis.cli('SCRIPT', 'FLUSH');
    await store.commit([put('p/b')], signal);
    expect(await store.get('p/b')).toBeDefined();
  });

  async function writers(): Promise<string> {
    return (await redis.cli('HKEYS', 'clustermesh:writers')).split('\n').sort().join();
  }
});

async function pointOf(store: KvStore): Promise<ResumePoint> {
  for await (const { phase, point } of store.watch('', {}, signal)) if (phase === 'list-done') return point;
  throw new Error('the watch has ended');
}

function put(key: string, value = '1'): KvOp {
  return { kind: 'put', key, value: Buffer.from(value) };
}

function del(key: string): KvOp {
  return { kind: 'delete', key };
}
