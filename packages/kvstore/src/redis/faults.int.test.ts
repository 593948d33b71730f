import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import { FaultProxy, TestCa, TestRedis, eventually, tempDir } from '@clustermesh/testkit';

import type { KvOp, KvStore, WatchBatch } from '../kv-store.ts';
import { redisAcl } from './redis-acl.ts';
import { RedisKvStore } from './redis-kv-store.ts';
import type { RedisTuning } from './redis-kv-store.ts';
import type { RedisTls } from './redis-options.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, log: silentLogger };
const { signal } = new AbortController();
describe('RedisKvStore and a server that fails', () => {
  let redis: TestRedis;
  let opened: RedisKvStore[];
  beforeEach(async () => {
    redis = await TestRedis.start();
    opened = [];
  });
  afterEach(async () => {
    for (const store of opened) await store[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  async function open(tuning: Partial<RedisTuning> = {}, url = redis.url): Promise<RedisKvStore> {
    const store = await RedisKvStore.open({ url, session: true, ...tuning }, deps, signal);
    opened.push(store);
    return store;
  }

  async function writerKeys(): Promise<string[]> {
    const writers = await redis.cli('HKEYS', 'clustermesh:writers');
    return writers.split('\n').map((id) => `clustermesh:writer:${id}`);
  }

  function urlOf(user: string, password: string): string {
    return `redis://${user}:${password}@127.0.0.1:${redis.port}`;
  }

  describe('access', () => {
    it('tells of a wrong password and of none, and never the password', async () => {
      await redis.cli('ACL', 'SETUSER', 'mesh', 'on', '>right', '~clustermesh:*', '+@all');
      const wrong = { code: 'KV_UNAUTHENTICATED', message: expect.not.stringContaining('wrong') };
      await expect(open({}, urlOf('mesh', 'wrong'))).rejects.toMatchObject(wrong);
      await redis.cli('ACL', 'SETUSER', 'default', '>other');
      await expect(open()).rejects.toMatchObject({ code: 'KV_UNAUTHENTICATED' });
      await expect(open({}, urlOf('mesh', 'right'))).resolves.toBeDefined();
    });

    it('serves a user who may read only, and refuses its writes', async () => {
      const writer = await open();
      await writer.commit([put('p/a', '1')], signal);
      await redis.cli('ACL', 'SETUSER', 'reader', 'on', '>pw', ...redisAcl.reader);
      const reader = await open({ session: false }, urlOf('reader', 'pw'));
      const seen = follow(reader, 'p/');
      await eventually(() => expect(seen.lines).toEqual(['+p/a=1', '#']));
      await writer.commit([put('p/b', '1')], signal);
      await eventually(() => expect(seen.lines).toEqual(['+p/a=1', '#', '+p/b=1']));
      seen.stop();
      await expect(reader.commit([put('p/c', '1')], signal)).rejects.toMatchObject({ code: 'KV_PERMISSION_DENIED' });
    });

    it('needs no more rights to write than are documented', async () => {
      await redis.cli('ACL', 'SETUSER', 'writer', 'on', '>pw', ...redisAcl.writer);
      const store = await open({ leaseTtlSeconds: 1, streamBytes: 300 }, urlOf('writer', 'pw'));
      for (let index = 0; index < 5; index++) await store.commit([put(`p/${index}`, 'x'.repeat(100))], signal);
      await store.commit([{ kind: 'delete-prefix', prefix: 'p/' }], signal);
      await redis.cli('DEL', ...(await writerKeys()));
      await store.commit([put('p/a', '1')], signal);
      const seen = follow(store, 'p/');
      await eventually(() => expect(seen.lines).toEqual(['+p/a=1', '#']));
      seen.stop();
    });

    it('lets no commit be half written that may not write all of it', async () => {
      const user = ['on', '>pw', '~clustermesh:*', '+@all', '-xadd'];
      await redis.cli('ACL', 'SETUSER', 'half', ...user);
      const store = await open({}, urlOf('half', 'pw'));
      await expect(store.commit([put('p/a', '1')], signal)).rejects.toMatchObject({ code: 'KV_PERMISSION_DENIED' });
      expect(await store.get('p/a')).toBeUndefined();
    });
  });

  describe('room', () => {
    it('says that memory is used up, writes nothing of it, and goes on when there is room', async () => {
      const store = await open();
      await store.commit([put('p/a', '1')], signal);
      await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
      const full = store.commit([put('p/a', '2'), { kind: 'delete', key: 'p/a' }, put('p/b', '2')], signal);
      await expect(full).rejects.toMatchObject({ code: 'KV_NO_SPACE', retryable: true });
      expect(await redis.cli('XLEN', 'clustermesh:changes')).toBe('1');
      expect((await store.get('p/a'))?.value).toHaveLength(1);
      await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
      await store.commit([put('p/b', '2')], signal);
      expect(await store.get('p/b')).toBeDefined();
    });

    it('refuses a server that would throw keys away', async () => {
      await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '100mb');
      await expect(open()).rejects.toThrow('set noeviction');
    });

    it('keeps the stream within its bytes', async () => {
      const store = await open({ streamBytes: 20_000 });
      for (let index = 0; index < 60; index++) {
        await store.commit([put(`p/${index % 5}`, `${index} `.padEnd(1_000, 'x'))], signal);
      }
      const length = Number(await redis.cli('XLEN', 'clustermesh:changes'));
      expect(length).toBeGreaterThan(10);
      expect(length).toBeLessThan(21);
      expect(await redis.cli('LLEN', 'clustermesh:sizes')).toBe(String(length));
    });

    it('lists again, with what was deleted left out, when a reader fell behind the stream', async () => {
      const writer = await open({ streamBytes: 2_000 });
      await writer.commit([put('p/kept', '1'), put('p/gone', '1')], signal);
      const reader = await open({ session: false, tailBytes: 500 });
      const lines: string[] = [];
      const stop = new AbortController();
      for await (const batch of reader.watch('p/', {}, stop.signal)) {
        lines.push(...describeBatch(batch));
        if (lines.length === 3) {
          await writer.commit([{ kind: 'delete', key: 'p/gone' }], signal);
          for (let index = 0; index < 50; index++)
            await writer.commit([put('q', `${index} `.padEnd(200, 'x'))], signal);
        }
        if (lines.length > 3) stop.abort();
      }
      expect(lines).toEqual(['+p/gone=1', '+p/kept=1', '#', '+p/kept=1', '#']);
    });
  });

  it('ends where the writer is, however much changes during the listing of a large hash', async () => {
    const prefix = 'cilium/cache/ip/v1/c1/';
    const writer = await open();
    const want = new Map<string, string>();
    const write = async (ops: readonly KvOp[]): Promise<void> => {
      for (const op of ops) {
        if (op.kind === 'put') want.set(op.key, Buffer.from(op.value).toString());
        else if (op.kind === 'delete') want.delete(op.key);
      }
      await writer.commit(ops, signal);
    };
    await write(Array.from({ length: 3_000 }, (_, index) => put(`${prefix}${index}`, 'v'.repeat(80))));
    const reader = await open({ session: false });
    const got = new Map<string, string>();
    const stop = new AbortController();
    let pages = 0;
    for await (const batch of reader.watch(prefix, {}, stop.signal)) {
      for (const event of batch.events) {
        if (event.kind === 'put') got.set(event.key, Buffer.from(event.value).toString());
        else got.delete(event.key);
      }
      if (batch.phase !== 'live' && pages++ < 20) {
        // Keys of all ages: deleted, changed, made, and made again.
        const at = pages * 150;
        const gone = Array.from({ length: 40 }, (_, index) => `${prefix}${(at + index * 7) % 3_000}`);
        await write(gone.map((key) => ({ kind: 'delete', key })));
        await write(gone.slice(20).map((key) => put(key, `again ${pages}`)));
        await write([put(`${prefix}new-${pages}`, '1'), put(`${prefix}${3_000 - at / 2}`, `changed ${pages}`)]);
        await write([put(`${prefix}last`, String(pages))]);
      }
      if (batch.phase === 'live' && got.get(`${prefix}last`) === want.get(`${prefix}last`)) stop.abort();
    }
    expect(pages).toBeGreaterThan(10);
    expect(got).toEqual(want);
  });

  describe('another history', () => {
    it('is noticed by watch and writer when everything is deleted under them', async () => {
      const store = await open();
      const lost: string[] = [];
      store.onLeaseLost((keys) => lost.push(...keys));
      await store.commit([put('p/a', '1')], signal);
      const seen = follow(store, 'p/');
      await eventually(() => expect(seen.lines).toEqual(['+p/a=1', '#']));
      await redis.cli('FLUSHALL');
      const commit = store.commit([put('p/b', '1')], signal);
      await expect(commit).rejects.toMatchObject({ code: 'KV_STORE_CHANGED', retryable: true });
      expect(lost).toContain('p/a');
      await store.commit([put('p/b', '1')], signal);
      await expect(seen.done).rejects.toMatchObject({ code: 'KV_STORE_CHANGED', retryable: true });
      const again = follow(store, 'p/');
      await eventually(() => expect(again.lines).toEqual(['+p/b=1', '#']));
      again.stop();
    });

    it('is noticed when the server forgot commits that it had acknowledged', async () => {
      const store = await open();
      const lost: string[] = [];
      store.onLeaseLost((keys) => lost.push(...keys));
      await store.commit([put('p/a', '1'), put('p/gone', '1')], signal);
      const last = await redis.cli('HGET', 'clustermesh:meta', 'revision');
      const [mark, writer] = [
        await redis.cli('HGET', 'clustermesh:meta', 'mark'),
        await redis.cli('HKEYS', 'clustermesh:writers'),
      ];
      await store.commit([put('p/b', '1'), { kind: 'delete', key: 'p/gone' }], signal);
      // As after a crash that lost the end of the append-only file.
      await redis.cli('HDEL', 'clustermesh:keys:p/', 'b');
      await redis.cli('HSET', 'clustermesh:keys:p/', 'gone', `${last} ${last} ${writer}+1`);
      await redis.cli('HSET', 'clustermesh:meta', 'revision', last, 'mark', mark);
      await redis.cli('HSET', 'clustermesh:writers', writer, last);
      await redis.cli('XTRIM', 'clustermesh:changes', 'MAXLEN', '0');
      await redis.cli('XSETID', 'clustermesh:changes', `${last}-${mark}`);
      await store.commit([put('p/c', '1')], signal);
      expect(lost.sort()).toEqual(['p/a', 'p/b', 'p/c']);
      await eventually(async () => expect(await store.get('p/gone')).toBeUndefined());
      expect(await store.get('p/a')).toBeDefined();
    });

    it('goes on over a restart of a server that has kept everything', async () => {
      const store = await open();
      await store.commit([put('p/a', '1')], signal);
      const first = follow(store, 'p/');
      await eventually(() => expect(first.lines).toEqual(['+p/a=1', '#']));
      await redis.restart();
      await expect(first.done).rejects.toMatchObject({ retryable: true });
      const second = follow(store, 'p/', first.last);
      await store.commit([put('p/b', '1')], signal);
      await eventually(() => expect(second.lines).toEqual(['+p/b=1']));
      second.stop();
    });
  });

  describe('writers', () => {
    it('that put what is there already have lost nothing by it', async () => {
      const [first, second] = [await open(), await open()];
      const lost: string[] = [];
      second.onLeaseLost((keys) => lost.push(...keys));
      await first.commit([put('p/a', '1')], signal);
      for (const key of ['p/a', 'p/b', 'p/a', 'p/c']) await second.commit([put(key, '1')], signal);
      expect(lost).toEqual([]);
    });

    it('that are all dead show as lost contact, not as deletes', async () => {
      const writer = await open({ leaseTtlSeconds: 1, silenceMs: 300 });
      await writer.commit([put('p/a', '1')], signal);
      const reader = await open({ session: false, silenceMs: 300, requestTimeoutMs: 600 });
      const seen = follow(reader, 'p/');
      await eventually(() => expect(seen.lines).toEqual(['+p/a=1', '#']));
      await writer[Symbol.asyncDispose]();
      const silent = { code: 'KV_UNAVAILABLE', retryable: true, message: expect.stringContaining('nobody writes') };
      await expect(seen.done).rejects.toMatchObject(silent);
      await expect(follow(reader, 'p/').done).rejects.toMatchObject(silent);
      expect(seen.lines).toEqual(['+p/a=1', '#']);
      expect(await reader.get('p/a')).toBeDefined();
    });

    it('that live delete what a dead one has left, but not what they took over', async () => {
      const dead = await open({ leaseTtlSeconds: 1, silenceMs: 300 });
      await dead.commit([put('p/left', '1'), put('p/taken', '1')], signal);
      await dead[Symbol.asyncDispose]();
      const heir = await open({ leaseTtlSeconds: 1, silenceMs: 300 });
      await heir.commit([put('p/taken', '1')], signal);
      await eventually(async () => expect(await heir.get('p/left')).toBeUndefined());
      expect(await heir.get('p/taken')).toBeDefined();
      await eventually(async () => expect(await redis.cli('HLEN', 'clustermesh:writers')).toBe('1'));
    });
  });

  it('notices a connection that is silent but not closed, and needs no help to go on', async () => {
    await using proxy = await FaultProxy.listen(redis.port);
    const store = await open({ requestTimeoutMs: 500 }, `redis://127.0.0.1:${proxy.port}`);
    await store.commit([put('p/a', '1')], signal);
    const seen = follow(store, 'p/');
    await eventually(() => expect(seen.lines).toEqual(['+p/a=1', '#']));
    proxy.strand();
    const silent = { code: 'KV_UNAVAILABLE', retryable: true };
    await expect(store.commit([put('p/b', '1')], signal)).rejects.toMatchObject(silent);
    await expect(seen.done).rejects.toMatchObject(silent);
    await store.commit([put('p/b', '1')], signal);
    const again = follow(store, 'p/', seen.last);
    await eventually(() => expect(again.lines).toEqual(['+p/b=1']));
    again.stop();
  });

  it('tells a watch of contact lost after its listing, though what follows the changes connects anew', async () => {
    await using proxy = await FaultProxy.listen(redis.port);
    const store = await open({}, `redis://127.0.0.1:${proxy.port}`);
    await store.commit([put('p/a', '1')], signal);
    const batches = store.watch('p/', {}, signal);
    const listed = await batches.next();
    expect(listed.value).toMatchObject({ phase: 'list-done' });
    proxy.cut();
    await expect(batches.next()).rejects.toMatchObject({ code: 'KV_UNAVAILABLE', retryable: true });
  });

  it('says where a connection was refused', async () => {
    await redis.kill();
    await expect(open()).rejects.toMatchObject({
      ...{ code: 'HOST_UNREACHABLE', retryable: true },
      message: expect.stringContaining(redis.url),
    });
  });

  it('says that a replica takes no writes, and connects anew for the next one', async () => {
    const store = await open();
    await redis.cli('REPLICAOF', '127.0.0.1', '1');
    await expect(store.commit([put('a', '1')], signal)).rejects.toMatchObject({ code: 'KV_UNAVAILABLE' });
    await redis.cli('REPLICAOF', 'NO', 'ONE');
    await store.commit([put('a', '1')], signal);
    expect(await store.get('a')).toBeDefined();
  });
});

describe('RedisKvStore over TLS', () => {
  function connect(url: string, tls: RedisTls): Promise<RedisKvStore> {
    return RedisKvStore.open({ url, session: true, credentials: async () => ({ tls }) }, deps, signal);
  }

  it('works with certificates of the CA, and says what is wrong with others', async () => {
    await using redis = await TestRedis.start({ tls: true });
    await using dir = await tempDir('other-ca');
    const { cert, key } = await redis.ca.issue({ commonName: 'client' });
    await using store = await connect(redis.url, { ca: redis.ca.cert, cert, key });
    await store.commit([put('a', '1')], signal);
    expect(await store.get('a')).toBeDefined();
    const other = await TestCa.create(dir.path, 'Other CA');
    const untrusted = connect(redis.url, { ca: other.cert, cert, key });
    await expect(untrusted).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
    const anonymous = connect(redis.url, { ca: redis.ca.cert });
    await expect(anonymous).rejects.toMatchObject({ code: 'TLS_CLIENT_REJECTED' });
  });
});

interface Following {
  readonly lines: string[];
  readonly done: Promise<void>;
  readonly last: WatchBatch['point'] | undefined;
  stop(): void;
}

function follow(store: KvStore, prefix: string, resume?: WatchBatch['point']): Following {
  const stop = new AbortController();
  const lines: string[] = [];
  let last: WatchBatch['point'] | undefined;
  const run = async (): Promise<void> => {
    for await (const batch of store.watch(prefix, { resume }, stop.signal)) {
      lines.push(...describeBatch(batch));
      last = batch.point;
    }
  };
  const done = run();
  done.catch(() => undefined); // a test that ends before it fails does not care
  return {
    lines,
    done,
    get last() {
      return last;
    },
    stop: () => stop.abort(),
  };
}

function describeBatch({ events, phase }: WatchBatch): string[] {
  const lines = events.map((event) =>
    event.kind === 'put' ? `+${event.key}=${Buffer.from(event.value).toString()}` : `-${event.key}`,
  );
  return phase === 'list-done' ? [...lines, '#'] : lines;
}

function put(key: string, value: string): KvOp {
  return { kind: 'put', key, value: Buffer.from(value) };
}
