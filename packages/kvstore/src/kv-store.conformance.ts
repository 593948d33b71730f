/* eslint-disable jest/no-export -- a suite that each implementation's test calls */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hasCode, isMeshError } from '@clustermesh/runtime';
import { eventually } from '@clustermesh/testkit';

import type { KvOp, KvReader, KvStore, ResumePoint, WatchBatch, WatchOptions } from './kv-store.ts';

/** One implementation under test: a store, and what tests do to the server behind it. */
export interface StoreUnderTest extends AsyncDisposable {
  /** Pages of its listings are small: 4 keys at first. */
  readonly store: KvStore;
  /** Another client of the same server. */
  another(): Promise<KvStore>;
  /** Forgets all history up to now. */
  compact(): Promise<void>;
  /** Loses all data and comes back as the same cluster. Clients have to connect again by themselves. */
  wipe(): Promise<void>;
  /** Breaks every connection; new ones work. */
  disconnect(): Promise<void>;
  /** Takes all leases away from under their owners; the owner notices by itself, if it has to by its next write. */
  revokeLeases(): Promise<void>;
  /** A value that the store will never take. */
  readonly tooLarge: Uint8Array;
}

/** What every KvStore does, whatever is behind it (kv-store.ts says it in words). */
export function kvStoreConformance(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} is a KvStore`, () => {
    let fixture: StoreUnderTest;
    let store: KvStore;
    const { signal } = new AbortController();
    beforeEach(async () => {
      fixture = await open();
      ({ store } = fixture);
    });
    afterEach(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    describe('get', () => {
      it('is undefined for a key that is not there', async () => {
        expect(await store.get('a', signal)).toBeUndefined();
      });

      it('tells when a key was created and last changed', async () => {
        await store.commit([put('a', '1')], signal);
        await store.commit([put('a', '2')], signal);
        const entry = await store.get('a', signal);
        expect(entry).toMatchObject({ key: 'a', value: expect.anything() });
        expect(text(entry?.value)).toBe('2');
        expect(entry!.modRevision).toBe(entry!.createRevision + 1n);
      });
    });

    describe('commit', () => {
      it('keeps any bytes in keys and values', async () => {
        const key = String.fromCharCode(...Array.from({ length: 255 }, (_, index) => index + 1));
        const value = Uint8Array.from({ length: 256 }, (_, index) => index);
        await store.commit([{ kind: 'put', key, value }], signal);
        const found = await store.get(key, signal);
        expect(found?.key).toBe(key);
        expect([...(found?.value ?? [])]).toEqual([...value]);
      });

      it('takes empty values and no ops at all', async () => {
        await store.commit([], signal);
        await store.commit([{ kind: 'put', key: 'a', value: new Uint8Array(0) }], signal);
        expect((await store.get('a', signal))?.value).toHaveLength(0);
      });

      it('writes more ops than one transaction takes', async () => {
        const ops = Array.from({ length: 1_000 }, (_, index) => put(`p/${index}`, `${index}`));
        const { refused } = await store.commit(ops, signal);
        expect(refused).toEqual([]);
        expect(await list(store, 'p/')).toHaveLength(1_000);
      });

      it('lets the last of several ops on a key win', async () => {
        await store.commit([put('a', '1'), del('a'), put('b', '1'), put('a', '2'), del('b')], signal);
        expect(text((await store.get('a', signal))?.value)).toBe('2');
        expect(await store.get('b', signal)).toBeUndefined();
      });

      it('deletes a prefix between what stands before and after it', async () => {
        await store.commit([put('p/old', '1'), put('q', '1')], signal);
        await store.commit(
          [put('p/before', '1'), { kind: 'delete-prefix', prefix: 'p/' }, put('p/after', '1')],
          signal,
        );
        expect(await list(store, 'p/')).toEqual(['p/after=1']);
        expect(await store.get('q', signal)).toBeDefined();
      });

      it('answers with a revision at which everything is written', async () => {
        const { revision } = await store.commit([put('a', '1')], signal);
        expect((await store.get('a', signal))?.modRevision).toBe(revision);
      });

      it('sets aside a put that the store will not take and writes the others', async () => {
        const huge = { kind: 'put', key: 'p/huge', value: fixture.tooLarge } as const;
        const others = Array.from({ length: 200 }, (_, index) => put(`p/${index}`, 'x'));
        const { refused } = await store.commit([...others.slice(0, 100), huge, ...others.slice(100)], signal);
        expect(refused.map(({ op, error }) => [op, hasCode(error, 'KV_TOO_LARGE')])).toEqual([[huge, true]]);
        expect(await list(store, 'p/')).toHaveLength(200);
      });
    });

    describe('watch', () => {
      it('lists, then tells changes in their order', async () => {
        await store.commit([put('p/a', '1'), put('p/b', '1')], signal);
        await using watch = new Recorder(store, 'p/');
        await watch.listed();
        await store.commit([put('p/a', '2')], signal);
        await store.commit([del('p/b')], signal);
        await store.commit([put('p/c', '1')], signal);
        await eventually(() => expect(watch.seen).toEqual(['+p/a=1', '+p/b=1', '#', '+p/a=2', '-p/b', '+p/c=1']));
      });

      it('sees its prefix only', async () => {
        await store.commit([put('p', '1'), put('p/a', '1'), put('p0', '1'), put('p/\xff', '1')], signal);
        expect(await list(store, 'p/')).toEqual(['p/a=1', 'p/\xff=1']);
      });

      it('lists nothing where nothing is', async () => {
        expect(await list(store, 'none/')).toEqual([]);
      });

      it('lists many pages at one revision: what is written meanwhile comes after the list', async () => {
        await store.commit(
          Array.from({ length: 50 }, (_, index) => put(`p/${10 + index}`, 'old')),
          signal,
        );
        const seen: string[] = [];
        const stop = new AbortController();
        for await (const batch of store.watch('p/', {}, stop.signal)) {
          if (seen.length === 0) await store.commit([del('p/58'), put('p/59', 'new'), put('p/60', 'new')], signal);
          seen.push(...describeBatch(batch));
          if (seen.includes('+p/60=new')) stop.abort();
        }
        expect(seen.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, index) => `+p/${10 + index}=old`));
        expect(seen[50]).toBe('#');
        expect(seen.slice(51).sort()).toEqual(['+p/59=new', '+p/60=new', '-p/58']);
      });

      it('ends normally on abort, also before it began', async () => {
        const stop = new AbortController();
        stop.abort();
        const batches = [];
        for await (const batch of store.watch('p/', {}, stop.signal)) batches.push(batch);
        expect(batches).toEqual([]);
      });

      it('fails with a retryable error when contact is lost', async () => {
        await using watch = new Recorder(store, 'p/');
        await watch.listed();
        await fixture.disconnect();
        const error = await watch.failed();
        expect(error).toMatchObject({ retryable: true });
      });

      it('reads on after a slow consumer came back, and lost nothing', async () => {
        const stop = new AbortController();
        const seen: string[] = [];
        const writer = await fixture.another();
        for await (const batch of store.watch('p/', {}, stop.signal)) {
          if (batch.phase === 'list-done') {
            for (let index = 0; index < 300; index++) await writer.commit([put(`p/${index}`, 'x')], signal);
          }
          seen.push(...describeBatch(batch));
          if (seen.length === 301) stop.abort();
        }
        expect(seen).toEqual(['#', ...Array.from({ length: 300 }, (_, index) => `+p/${index}=x`)]);
      });
    });

    describe('watch, resumed', () => {
      const witnesses = ['witness'];
      beforeEach(async () => {
        await store.commit([put('witness', 'since noon'), put('p/kept', '1'), put('p/gone', '1')], signal);
      });

      async function pointNow(): Promise<ResumePoint> {
        await using watch = new Recorder(store, 'p/', { witnesses });
        return (await watch.listed()).point;
      }

      it('goes on where it was, without a list', async () => {
        const resume = await pointNow();
        await store.commit([del('p/gone')], signal);
        await store.commit([put('p/new', '1')], signal);
        await using watch = new Recorder(store, 'p/', { witnesses, resume });
        await eventually(() => expect(watch.seen).toEqual(['-p/gone', '+p/new=1']));
        expect(watch.phases).toEqual(new Set(['live']));
      });

      it('says at once that it resumed, also when nothing has changed', async () => {
        const resume = await pointNow();
        await using watch = new Recorder(store, 'p/', { witnesses, resume });
        await eventually(() => expect(watch.batches[0]).toMatchObject({ phase: 'live', events: [] }));
      });

      it('loses nothing of a catch-up over contact lost again and again', async () => {
        const resume = await pointNow();
        for (let index = 0; index < 20; index++) await store.commit([put(`p/${index}`, 'x')], signal);
        const seen: string[] = [];
        let point: ResumePoint | undefined = resume;
        while (seen.length < 20) {
          for await (const batch of store.watch('p/', { witnesses, resume: point }, signal)) {
            expect(batch.phase).toBe('live');
            seen.push(...describeBatch(batch));
            point = batch.point;
            if (batch.events.length > 0) break;
          }
        }
        expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => `+p/${index}=x`));
      });

      it('lists anew when what it missed is compacted', async () => {
        const resume = await pointNow();
        await store.commit([del('p/gone')], signal);
        await store.commit([put('p/new', '1')], signal);
        await fixture.compact();
        await using watch = new Recorder(store, 'p/', { witnesses, resume });
        await eventually(() => expect(watch.seen).toEqual(['+p/kept=1', '+p/new=1', '#']));
      });

      it.each([
        { name: 'is not as far as before', writes: 0 },
        { name: 'has been written past our revision', writes: 30 },
      ])('lists anew when the store was wiped and $name', async ({ writes }) => {
        const resume = await pointNow();
        await fixture.wipe();
        const other = await fixture.another();
        await retried(() => other.commit([put('witness', 'since one'), put('p/kept', '1')], signal));
        for (let index = 0; index < writes; index++) await other.commit([put('q', `${index}`)], signal);
        const seen = await retried(() => list(store, 'p/', { witnesses, resume }));
        expect(seen).toEqual(['p/kept=1']);
      });

      it('lists anew when a wiped store was filled by the same start-up, to the same revision', async () => {
        const resume = await pointNow();
        await fixture.wipe();
        const other = await fixture.another();
        await retried(() =>
          other.commit([put('witness', 'since one'), put('p/kept', '1'), put('p/other', '1')], signal),
        );
        const seen = await retried(() => list(store, 'p/', { witnesses, resume }));
        expect(seen).toEqual(['p/kept=1', 'p/other=1']);
      });

      it('lists anew for a point of another store', async () => {
        const resume = { ...(await pointNow()), storeId: 4_711n };
        expect(await list(store, 'p/', { witnesses, resume })).toEqual(['p/gone=1', 'p/kept=1']);
      });
    });

    describe('leases', () => {
      it('tells which keys went with a lost lease, and takes them again', async () => {
        const lost: string[] = [];
        store.onLeaseLost((keys) => lost.push(...keys));
        await store.commit([put('a', '1'), put('b', '1'), put('c', '1')], signal);
        await store.commit([del('c')], signal);
        await fixture.revokeLeases();
        await store.commit([put('d', '1')], signal);
        await eventually(() => expect(lost.sort()).toEqual(expect.arrayContaining(['a', 'b'])));
        expect(lost).not.toContain('c');
        expect(await store.get('a', signal)).toBeUndefined();
        await store.commit([put('a', '1')], signal);
        expect(await store.get('a', signal)).toBeDefined();
        expect(await store.get('d', signal)).toBeDefined();
      });

      it('leaves keys behind when it is closed', async () => {
        const other = await fixture.another();
        await other.commit([put('a', '1')], signal);
        await other[Symbol.asyncDispose]();
        expect(await store.get('a', signal)).toBeDefined();
      });
    });
  });
}

/** Follows a prefix in the background and writes down what it is told: `+key=value`, `-key`, `#` for a list's end. */
class Recorder implements AsyncDisposable {
  readonly batches: WatchBatch[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #error: unknown;

  constructor(store: KvReader, prefix: string, options: WatchOptions = {}) {
    this.#done = this.#run(store, prefix, options);
  }

  get seen(): string[] {
    return this.batches.flatMap(describeBatch);
  }

  get phases(): Set<string> {
    return new Set(this.batches.map(({ phase }) => phase));
  }

  async listed(): Promise<WatchBatch> {
    return eventually(() => {
      const batch = this.batches.find(({ phase }) => phase === 'list-done');
      if (batch === undefined) throw new Error('not listed', { cause: this.#error });
      return batch;
    });
  }

  async failed(): Promise<unknown> {
    await this.#done;
    return this.#error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(store: KvReader, prefix: string, options: WatchOptions): Promise<void> {
    try {
      for await (const batch of store.watch(prefix, options, this.#stop.signal)) this.batches.push(batch);
    } catch (error) {
      this.#error = error;
    }
  }
}

/** `key=value` of everything under a prefix; fails when it is not a listing. */
async function list(store: KvReader, prefix: string, options: WatchOptions = {}): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of store.watch(prefix, options, new AbortController().signal)) {
    if (batch.phase === 'live') throw new Error('resumed instead of listing');
    for (const event of batch.events) if (event.kind === 'put') seen.push(`${event.key}=${text(event.value)}`);
    if (batch.phase === 'list-done') break;
  }
  return seen;
}

/** As a caller does who meets a connection that has just broken. */
async function retried<T>(task: () => Promise<T>): Promise<T> {
  return eventually(async () => {
    try {
      return await task();
    } catch (error) {
      if (isMeshError(error) && error.retryable) throw error;
      return Promise.reject(new Error('not retryable', { cause: error }));
    }
  });
}

function describeBatch({ events, phase }: WatchBatch): string[] {
  const lines = events.map((event) => (event.kind === 'put' ? `+${event.key}=${text(event.value)}` : `-${event.key}`));
  return phase === 'list-done' ? [...lines, '#'] : lines;
}

function put(key: string, value: string): KvOp {
  return { kind: 'put', key, value: Buffer.from(value) };
}

function del(key: string): KvOp {
  return { kind: 'delete', key };
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
