import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock, MeshError, seededRandom, silentLogger } from '@clustermesh/runtime';

import type { CommitResult, KvOp, KvWriter, RefusedOp } from './kv-store.ts';
import { MemoryKvServer } from './memory/memory-kv-server.ts';
import { MemoryKvStore } from './memory/memory-kv-store.ts';
import { SyncStore } from './sync-store.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const canary = bytes('now');

describe('SyncStore', () => {
  const stop = new Set<AbortController>();
  afterEach(() => {
    for (const controller of stop) controller.abort();
    stop.clear();
  });

  function start(writer = new FakeWriter(), reload?: (keys: readonly string[]) => void) {
    const clock = new FakeClock();
    const health: string[] = [];
    const scope = {
      ok: () => void health.push('ok'),
      degraded: (reason: string) => void health.push(reason),
      stopped: () => undefined,
      remove: () => undefined,
    };
    const deps = { writer, clock, random: seededRandom(1), log: silentLogger, health: scope };
    const store = new SyncStore(reload === undefined ? deps : { ...deps, reload });
    const controller = new AbortController();
    stop.add(controller);
    const run = (): void => void store.run(controller.signal);
    return { store, writer, clock, run, health };
  }

  it('writes what is upserted before it runs in one commit, the newest value of each key', async () => {
    const { store, writer, clock, run } = start();
    store.upsert('a', bytes('1'));
    store.upsert('b', bytes('1'));
    store.upsert('a', bytes('2'));
    run();
    await clock.advance(0);
    expect(writer.commits).toEqual([['+a=2', '+b=1']]);
    expect(store.pending).toBe(0);
  });

  it('skips unchanged bytes, written or waiting', async () => {
    const { store, writer, clock, run } = start();
    run();
    store.upsert('a', bytes('1'));
    store.upsert('a', bytes('1'));
    await clock.advance(0);
    store.upsert('a', bytes('1'));
    await clock.advance(0);
    expect(writer.commits).toEqual([['+a=1']]);
  });

  it('deletes only what it knows', async () => {
    const { store, writer, clock, run } = start();
    run();
    store.delete('stranger');
    store.upsert('a', bytes('1'));
    await clock.advance(0);
    store.delete('a');
    await clock.advance(0);
    expect(writer.commits).toEqual([['+a=1'], ['-a']]);
  });

  describe('a key that is deleted and comes again', () => {
    async function written() {
      const run = start();
      run.run();
      run.store.upsert('a', bytes('1'));
      await run.clock.advance(0);
      run.writer.commits.length = 0;
      return run;
    }

    it('with the same bytes costs no write while the deletion waits', async () => {
      const { store, writer, clock } = await written();
      store.delete('a');
      store.upsert('a', bytes('1'));
      expect(store.isWritten('a')).toBe(true);
      expect(store.pending).toBe(0);
      await clock.advance(0);
      expect(writer.commits).toEqual([]);
      store.delete('a');
      await clock.advance(0);
      expect(writer.commits).toEqual([['-a']]);
    });

    it('with other bytes is one write', async () => {
      const { store, writer, clock } = await written();
      store.delete('a');
      store.upsert('a', bytes('2'));
      await clock.advance(0);
      expect(writer.commits).toEqual([['+a=2']]);
    });

    it('is written when the deletion was under way, failed or not', async () => {
      const { store, writer, clock } = await written();
      writer.failures.push(unavailable());
      const release = writer.hold();
      store.delete('a');
      await clock.advance(0);
      store.upsert('a', bytes('1'));
      release();
      await clock.advance(10_000);
      expect(writer.commits).toEqual([['+a=1']]);
      store.delete('a');
      writer.failures.push(unavailable());
      await clock.advance(0);
      store.upsert('a', bytes('1'));
      await clock.advance(10_000);
      expect(writer.commits.at(-1)).toEqual(['+a=1']);
    });

    it('is written when what the store had was lost meanwhile, or had never been acknowledged', async () => {
      const { store, writer, clock } = await written();
      store.delete('a');
      writer.lose('a');
      store.upsert('a', bytes('1'));
      store.upsert('b', bytes('1'));
      store.delete('b');
      store.upsert('b', bytes('1'));
      await clock.advance(0);
      expect(writer.commits).toEqual([['+a=1', '+b=1']]);
    });

    it('is written when the store refused it before', async () => {
      const { store, writer, clock } = await written();
      writer.refuses.add('huge');
      store.upsert('huge', bytes('1'));
      await clock.advance(0);
      store.delete('huge');
      store.upsert('huge', bytes('1'));
      await clock.advance(0);
      expect(writer.commits.at(-1)).toEqual(['+huge=1']);
    });
  });

  it('gathers what comes while a commit is under way', async () => {
    const { store, writer, clock, run } = start();
    run();
    const release = writer.hold();
    store.upsert('a', bytes('1'));
    await clock.advance(0);
    for (const value of ['2', '3', '4']) store.upsert('a', bytes(value));
    store.upsert('b', bytes('1'));
    release();
    await clock.advance(0);
    expect(writer.commits).toEqual([['+a=1'], ['+a=4', '+b=1']]);
  });

  it('writes again after a failure, what is newest then, and waits longer each time', async () => {
    const { store, writer, clock, run, health } = start();
    run();
    writer.failures.push(unavailable(), unavailable());
    store.upsert('a', bytes('1'));
    store.upsert('b', bytes('1'));
    await clock.advance(0);
    store.upsert('a', bytes('2'));
    await clock.advance(10_000);
    expect(writer.commits.at(-1)).toEqual(['+a=2', '+b=1']);
    expect(writer.attempts).toBe(3);
    expect(health).toEqual(['write', 'write', 'ok']);
  });

  it('deletes in a store that is full, whose additions wait, and is well again only when it takes one', async () => {
    const { store, writer, clock, run, health } = start();
    run();
    for (const key of ['a', 'b', 'c']) store.upsert(key, bytes('1'));
    await clock.advance(0);
    writer.isFull = true;
    store.upsert('d', bytes('1'));
    await clock.advance(0);
    store.delete('a');
    await clock.advance(0);
    store.delete('b');
    await clock.advance(0);
    expect(writer.commits.slice(1)).toEqual([['-a'], ['-b']]);
    expect(health).toEqual(['ok', 'full']);
    await clock.advance(60_000);
    const attempts = writer.attempts;
    await clock.advance(60_000);
    expect(writer.attempts - attempts).toBeLessThan(6);
    writer.isFull = false;
    await clock.advance(30_000);
    expect(writer.commits.slice(3)).toEqual([['+d=1']]);
    expect(health.at(-1)).toBe('ok');
    expect(new Set(health.slice(1, -1))).toEqual(new Set(['full']));
  });

  describe('canary', () => {
    it('is put only after every key upserted before it is acknowledged', async () => {
      const { store, writer, clock, run } = start();
      run();
      store.upsert('a', bytes('1'));
      writer.failures.push(unavailable());
      store.synced('canary', canary);
      store.upsert('later', bytes('1'));
      await clock.advance(0);
      expect(writer.commits).toEqual([]);
      await clock.advance(10_000);
      expect(writer.commits).toEqual([['+a=1'], ['+canary=now'], ['+later=1']]);
    });

    it('is put once, whatever is synced later', async () => {
      const { store, writer, clock, run } = start();
      run();
      store.synced('canary', canary);
      await clock.advance(0);
      store.synced('canary', bytes('later'));
      await clock.advance(0);
      expect(writer.commits).toEqual([['+canary=now']]);
    });

    it('does not wait for a key that the store will never take', async () => {
      const { store, writer, clock, run } = start();
      run();
      writer.refuses.add('huge');
      store.upsert('huge', bytes('1'));
      store.upsert('a', bytes('1'));
      store.synced('canary', canary);
      await clock.advance(0);
      expect(writer.commits).toEqual([['+huge=1', '+a=1'], ['+canary=now']]);
    });
  });

  describe('a refused key', () => {
    it('is told with its reason and not tried again until its value changes', async () => {
      const { store, writer, clock, run, health } = start();
      run();
      writer.refuses.add('huge');
      store.upsert('huge', bytes('1'));
      await clock.advance(60_000);
      store.upsert('huge', bytes('1'));
      await clock.advance(60_000);
      expect(writer.attempts).toBe(1);
      expect([...store.refused]).toEqual([['huge', 'too large']]);
      expect(health).toEqual(['the store refuses huge: too large']);
      writer.refuses.clear();
      store.upsert('huge', bytes('small'));
      await clock.advance(0);
      expect(writer.commits.at(-1)).toEqual(['+huge=small']);
      expect(store.refused.size).toBe(0);
      expect(health.at(-1)).toBe('ok');
    });

    it('is tried again when access to everything is denied: somebody has yet to grant it', async () => {
      const { store, writer, clock, run } = start();
      run();
      writer.denied = true;
      store.upsert('a', bytes('1'));
      await clock.advance(1_000);
      expect(store.refused.size).toBe(0);
      writer.denied = false;
      await clock.advance(30_000);
      expect(writer.commits.at(-1)).toEqual(['+a=1']);
    });
  });

  describe('a lost lease', () => {
    it('brings back its keys and then the canary that was lost with them', async () => {
      const { store, writer, clock, run } = start();
      run();
      store.upsert('a', bytes('1'));
      store.upsert('b', bytes('1'));
      store.synced('canary', canary);
      await clock.advance(0);
      writer.commits.length = 0;
      writer.lose('canary', 'b', 'of somebody else');
      await clock.advance(0);
      expect(writer.commits).toEqual([['+b=1'], ['+canary=now']]);
    });

    it('leaves alone what was deleted or changed meanwhile', async () => {
      const { store, writer, clock, run } = start();
      run();
      for (const key of ['a', 'b']) store.upsert(key, bytes('1'));
      await clock.advance(0);
      writer.commits.length = 0;
      store.delete('a');
      store.upsert('b', bytes('2'));
      writer.lose('a', 'b');
      await clock.advance(0);
      expect(writer.commits).toEqual([['-a', '+b=2']]);
    });

    it('asks the owner for the values when they are not kept, and puts the canary at his next synced', async () => {
      const asked: (readonly string[])[] = [];
      const { store, writer, clock, run } = start(new FakeWriter(), (keys) => void asked.push(keys));
      run();
      for (const key of ['a', 'b']) store.upsert(key, bytes('1'));
      store.synced('canary', canary);
      await clock.advance(0);
      writer.commits.length = 0;
      writer.lose('a', 'canary');
      await clock.advance(0);
      expect(asked).toEqual([['a']]);
      expect(writer.commits).toEqual([]);
      for (const key of ['a', 'b']) store.upsert(key, bytes('1'));
      store.synced('canary', bytes('later'));
      await clock.advance(0);
      expect(writer.commits).toEqual([['+a=1'], ['+canary=later']]);
    });

    it('withholds a canary that still waits until the lost keys are back', async () => {
      const { store, writer, clock, run } = start();
      store.upsert('a', bytes('1'));
      run();
      await clock.advance(0);
      const release = writer.hold();
      store.upsert('b', bytes('1'));
      await clock.advance(0);
      store.synced('canary', canary);
      writer.lose('a');
      release();
      await clock.advance(0);
      expect(writer.commits).toEqual([['+a=1'], ['+b=1'], ['+a=1'], ['+canary=now']]);
    });
  });

  describe('with a real store', () => {
    const { signal } = new AbortController();

    async function startWith(left: readonly string[]) {
      const clock = new FakeClock();
      const server = new MemoryKvServer({ clock });
      const before = new MemoryKvStore(server, { clock });
      await before.commit(left.map((key): KvOp => ({ kind: 'put', key, value: bytes('old') })));
      const kv = new MemoryKvStore(server, { clock });
      const store = new SyncStore({ writer: kv, clock, random: seededRandom(1), log: silentLogger });
      await store.adopt(kv, 'p/', 'canary', signal);
      const controller = new AbortController();
      stop.add(controller);
      void store.run(controller.signal);
      const stored = (): string[] => server.list('').map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`);
      return { store, clock, server, stored, leave: () => before[Symbol.asyncDispose]() };
    }

    it('deletes what an earlier process left and nobody asked for, at synced and not before (I3)', async () => {
      const { store, clock, stored } = await startWith(['p/kept', 'p/gone', 'q/other']);
      store.upsert('p/kept', bytes('old'));
      store.upsert('p/new', bytes('new'));
      await clock.advance(0);
      expect(stored()).toContain('p/gone=old');
      store.synced('canary', canary);
      await clock.advance(0);
      expect(stored()).toEqual(['canary=now', 'p/kept=old', 'p/new=new', 'q/other=old']);
    });

    it("takes an earlier process's keys over to its own lease, each once, also when it is never synced (I4)", async () => {
      const { store, clock, server, stored, leave } = await startWith(['p/kept', 'p/unasked', 'q/other']);
      store.upsert('p/kept', bytes('old'));
      await clock.advance(0);
      expect(server.eventsAfter(2n)?.flat()).toHaveLength(2);
      await leave();
      await clock.advance(3_600_000);
      expect(stored()).toEqual(['p/kept=old', 'p/unasked=old']);
    });

    it("puts an earlier process's canary again behind its keys: they stand for a whole set while the source is away", async () => {
      const { clock, server, stored, leave } = await startWith(['canary', 'p/a']);
      await clock.advance(0);
      expect(server.eventsAfter(2n)?.map((events) => events.map(({ key }) => key))).toEqual([['p/a'], ['canary']]);
      await leave();
      await clock.advance(3_600_000);
      expect(stored()).toEqual(['canary=old', 'p/a=old']);
    });

    it('knows what is written: acknowledged, its own or taken over, and as it is asked for now', async () => {
      const { store, clock } = await startWith(['p/kept', 'p/changed']);
      await clock.advance(0);
      store.upsert('p/kept', bytes('old'));
      store.upsert('p/changed', bytes('new'));
      const written = (): readonly boolean[] => ['p/kept', 'p/changed', 'p/unasked'].map((key) => store.isWritten(key));
      expect(written()).toEqual([true, false, false]);
      await clock.advance(0);
      expect(written()).toEqual([true, true, false]);
    });

    it('writes an adopted key that was lost before it was asked for', async () => {
      const { store, clock, server, stored } = await startWith(['p/a']);
      await clock.advance(0);
      server.revokeLeases();
      await clock.advance(300_000);
      store.upsert('p/a', bytes('old'));
      await clock.advance(0);
      expect(stored()).toEqual(['p/a=old']);
    });

    it('deletes an adopted key that was told lost and is there all the same (I3)', async () => {
      const { store, clock, server, stored } = await startWith(['p/a']);
      await clock.advance(0);
      server.revokeLeases();
      await clock.advance(300_000);
      server.apply([{ kind: 'put', key: 'p/a', value: bytes('old') }], 0);
      store.synced('canary', canary);
      await clock.advance(0);
      expect(stored()).toEqual(['canary=now']);
    });

    it('writes what has changed of what it adopted', async () => {
      const { store, clock, stored } = await startWith(['p/a', 'p/b']);
      store.upsert('p/a', bytes('new'));
      await clock.advance(0);
      store.upsert('p/b', bytes('new'));
      store.prune();
      await clock.advance(0);
      expect(stored()).toEqual(['p/a=new', 'p/b=new']);
    });

    it('deletes what nobody asked for behind what takes its place, which came later', async () => {
      const writer = new FakeWriter();
      const clock = new FakeClock();
      const server = new MemoryKvServer({ clock });
      const kv = new MemoryKvStore(server, { clock });
      await kv.commit([{ kind: 'put', key: 'p/gone', value: bytes('old') }]);
      const batch = () => ({ ops: 1, deletesFirst: false });
      const store = new SyncStore({ writer, clock, random: seededRandom(1), log: silentLogger, batch });
      await store.adopt(kv, 'p/', undefined, signal);
      store.upsert('p/new', bytes('new'));
      store.prune();
      const controller = new AbortController();
      stop.add(controller);
      void store.run(controller.signal);
      await clock.advance(0);
      expect(writer.commits).toEqual([['+p/new=new'], ['-p/gone']]);
    });

    it('drains what it wrote and adopted, the canary first', async () => {
      const { store, clock, server, stored } = await startWith(['p/adopted', 'q/other']);
      store.upsert('p/a', bytes('1'));
      await clock.advance(0);
      store.drain('canary');
      await clock.advance(0);
      expect(stored()).toEqual(['q/other=old']);
      store.upsert('p/a', bytes('1'));
      store.synced('canary', canary);
      await clock.advance(0);
      const { revision } = server;
      store.drain();
      await clock.advance(0);
      expect(server.eventsAfter(revision)?.map((events) => events.map(({ key }) => key))).toEqual([
        ['canary'],
        ['p/a'],
      ]);
    });

    it('settles when everything is written', async () => {
      const { store, clock } = await startWith([]);
      let settled = false;
      store.upsert('p/a', bytes('1'));
      void store.settled(signal).then(() => (settled = true));
      expect(settled).toBe(false);
      await clock.advance(0);
      expect(settled).toBe(true);
    });
  });
});

/** A writer that writes down commits as lines (`+key=value`, `-key`) and fails on demand. */
class FakeWriter implements KvWriter {
  readonly commits: string[][] = [];
  readonly failures: Error[] = [];
  readonly refuses = new Set<string>();
  denied = false;
  /** Takes deletions only. */
  isFull = false;
  attempts = 0;
  #held: Promise<unknown> = Promise.resolve();
  #listener: (keys: readonly string[]) => void = () => undefined;

  async commit(ops: readonly KvOp[]): Promise<CommitResult> {
    this.attempts++;
    await this.#held;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    if (this.isFull && ops.some(({ kind }) => kind === 'put')) {
      throw new MeshError('KV_NO_SPACE', 'full', { retryable: true });
    }
    this.commits.push(ops.map(line));
    return { revision: 1n, refused: ops.flatMap((op) => this.#refusal(op)) };
  }

  onLeaseLost(listener: (keys: readonly string[]) => void): () => void {
    this.#listener = listener;
    return () => undefined;
  }

  lose(...keys: readonly string[]): void {
    this.#listener(keys);
  }

  /** Commits wait until the returned function is called. */
  hold(): () => void {
    const held = Promise.withResolvers<undefined>();
    this.#held = held.promise;
    return () => held.resolve(undefined);
  }

  #refusal(op: KvOp): RefusedOp[] {
    if (this.denied) return [{ op, error: new MeshError('KV_PERMISSION_DENIED', 'denied') }];
    const isRefused = op.kind === 'put' && this.refuses.has(op.key);
    return isRefused ? [{ op, error: new MeshError('KV_TOO_LARGE', 'too large') }] : [];
  }
}

function line(op: KvOp): string {
  if (op.kind === 'put') return `+${op.key}=${Buffer.from(op.value).toString()}`;
  return op.kind === 'delete' ? `-${op.key}` : `-${op.prefix}*`;
}

function unavailable(): MeshError {
  return new MeshError('KV_UNAVAILABLE', 'write', { retryable: true });
}
