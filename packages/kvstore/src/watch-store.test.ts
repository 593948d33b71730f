import { describe, expect, it } from '@jest/globals';
import { ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';

import type { KvEvent, KvReader, ResumePoint, WatchBatch } from './kv-store.ts';
import { WatchStore } from './watch-store.ts';

/** `a=1` is a put, `-a` a delete. */
type Step = { readonly phase: WatchBatch['phase']; readonly events: readonly string[] };
const part = (...events: string[]): Step => ({ phase: 'list', events });
const done = (...events: string[]): Step => ({ phase: 'list-done', events });
const live = (...events: string[]): Step => ({ phase: 'live', events });

describe('WatchStore', () => {
  it.each([
    { name: 'tells what is listed, then synced', runs: [[part('a=1'), done('b=1')]], want: '+a=1 +b=1 synced' },
    { name: 'tells changes after the list', runs: [[done('a=1'), live('a=2', '-a')]], want: '+a=1 synced +a=2 -a' },
    {
      name: 'deletes what a new list no longer has, and not before its end (I3)',
      runs: [[done('a=1', 'b=1')], [part('b=2'), done()]],
      want: '+a=1 +b=1 synced / +b=2 -a synced',
    },
    {
      name: 'tells an unchanged value once, in lists and live',
      runs: [
        [done('a=1'), live('a=1')],
        [done('a=1'), live('a=1')],
      ],
      want: '+a=1 synced / synced',
    },
    {
      name: 'tells a value that came back',
      runs: [[done('a=1'), live('-a', 'a=1')]],
      want: '+a=1 synced -a +a=1',
    },
    {
      name: 'ignores the deletion of what it does not know',
      runs: [[done(), live('-a')]],
      want: 'synced',
    },
    {
      name: 'starts a new listing inside a run when live events came between (compaction)',
      runs: [[done('a=1', 'b=1'), live('c=1'), part('a=1'), done('c=1')]],
      want: '+a=1 +b=1 synced +c=1 -b',
    },
    {
      name: 'starts a new listing right after a listing',
      runs: [[done('a=1'), done('b=1')]],
      want: '+a=1 synced +b=1 -a',
    },
    {
      name: 'deletes nothing when a list is cut in its middle, and everything missing at the end of the next',
      runs: [[done('a=1', 'b=1')], [part('c=1')], [done('b=1')]],
      want: '+a=1 +b=1 synced / +c=1 / -a -c synced',
    },
    {
      name: 'is synced by a resumed watch',
      runs: [[done('a=1')], [live(), live('-a')]],
      want: '+a=1 synced / synced -a',
    },
    {
      name: 'keeps the old value when the new one does not decode',
      runs: [[done('a=1'), live('a=bad')], [done('a=bad')]],
      want: '+a=1 synced !a / synced',
    },
    {
      name: 'reports an undecodable value once, and another one again',
      runs: [[done('a=bad', 'b=1'), live('a=bad', 'a=badder')], [done('a=badder', 'b=1')]],
      want: '!a +b=1 synced !a / synced',
    },
    {
      name: 'says nothing when the value before the undecodable one comes back',
      runs: [[done('a=1'), live('a=bad', 'a=1', 'a=bad')]],
      want: '+a=1 synced !a !a',
    },
    {
      name: 'deletes a key whose last value did not decode',
      runs: [[done('a=1'), live('a=bad', '-a')]],
      want: '+a=1 synced !a -a',
    },
    {
      name: 'does not tell the deletion of a key that never decoded',
      runs: [[done('a=bad'), live('-a', 'a=bad')], [done()]],
      want: '!a synced !a / synced',
    },
  ])('$name', async ({ runs, want }) => {
    const { store, log } = recorder();
    for (const [index, steps] of runs.entries()) {
      if (index > 0) log.push('/');
      await store.run(script(steps), 'p/', {}, new AbortController().signal);
    }
    expect(log.join(' ')).toBe(want);
  });

  it('resumes from the last point seen, with its witnesses', async () => {
    const { store } = recorder();
    const asked: (ResumePoint | undefined)[] = [];
    await store.run(script([done('a=1'), live('a=2')], asked), 'p/', {}, signal());
    await store.run(script([live()], asked), 'p/', {}, signal());
    expect(asked).toEqual([undefined, point(2)]);
  });

  it.each([
    { name: 'a listing that was not finished', steps: [part('a=1')], prefix: 'p/' },
    { name: 'another prefix', steps: [live('a=2')], prefix: 'q/' },
  ])('does not resume after $name', async ({ steps, prefix }) => {
    const { store } = recorder();
    const asked: (ResumePoint | undefined)[] = [];
    await store.run(script([done('a=1')]), 'p/', {}, signal());
    await store.run(script(steps, asked), 'p/', {}, signal());
    await store.run(script([done()], asked), prefix, {}, signal());
    expect(asked[1]).toBeUndefined();
  });

  it('knows keys over a failure, and is synced only while connected', async () => {
    const { store } = recorder();
    const failing = script([done('a=1')], [], new Error('cut'));
    const seen: boolean[] = [];
    const watching = store.run(failing, 'p/', {}, signal());
    await expect(watching).rejects.toThrow('cut');
    seen.push(store.isSynced);
    expect([...store.keys()]).toEqual(['a']);
    expect(store.size).toBe(1);
    expect(seen).toEqual([false]);
  });

  it('deletes everything when it is drained, and lists anew afterwards', async () => {
    const { store, log } = recorder();
    const asked: (ResumePoint | undefined)[] = [];
    await store.run(script([done('a=1', 'b=1')]), 'p/', {}, signal());
    log.length = 0;
    store.drain();
    expect(log).toEqual(['-a', '-b']);
    await store.run(script([done('a=1')], asked), 'p/', {}, signal());
    expect(asked).toEqual([undefined]);
    expect(log.slice(2)).toEqual(['+a=1', 'synced']);
  });

  it('tells forgotten keys again, and only them', async () => {
    const { store, log } = recorder();
    const asked: (ResumePoint | undefined)[] = [];
    await store.run(script([done('a=1', 'b=1', 'c=1')]), 'p/', {}, signal());
    log.length = 0;
    store.forget(['a', 'c', 'unknown']);
    await store.run(script([done('a=1', 'b=1')], asked), 'p/', {}, signal());
    expect(asked).toEqual([undefined]);
    expect(log).toEqual(['+a=1', '-c', 'synced']);
  });

  it('waits for the observer before it pulls the next batch', async () => {
    const order: string[] = [];
    const store = new WatchStore(decode, {
      ...silent,
      upserted: (key) => void order.push(key),
      batchDone: async () => {
        await Promise.resolve();
        order.push('done');
      },
    });
    await store.run(script([done('a=1'), live('b=1')]), 'p/', {}, signal());
    expect(order).toEqual(['a', 'done', 'b', 'done']);
  });

  it('tells again what its observer failed at, also a deletion (I3)', async () => {
    const log: string[] = [];
    let isFailing = true;
    const tell = (text: string): void => {
      if (isFailing) throw new Error(`no room for ${text}`);
      log.push(text);
    };
    const store = new WatchStore(decode, {
      upserted: (key, value) => tell(`+${key}=${value}`),
      deleted: (key) => tell(`-${key}`),
      rejected: () => undefined,
      synced: () => undefined,
    });
    const run = (...steps: Step[]): Promise<void> => store.run(script(steps), 'p/', {}, new AbortController().signal);
    await expect(run(done('a=1', 'b=1'))).rejects.toThrow('no room for +a=1');
    isFailing = false;
    await run(done('a=1', 'b=1'));
    expect(log).toEqual(['+a=1', '+b=1']);
    isFailing = true;
    await expect(run(live('-a'))).rejects.toThrow('no room for -a');
    isFailing = false;
    await run(live('-a'));
    expect(log).toEqual(['+a=1', '+b=1', '-a']);
  });
});

const silent = {
  upserted: (): void => undefined,
  deleted: (): void => undefined,
  rejected: (): void => undefined,
  synced: (): void => undefined,
};

function decode(_key: string, bytes: Uint8Array): Result<string> {
  const value = Buffer.from(bytes).toString();
  return value.startsWith('bad') ? refuse('no good') : ok(value);
}

function recorder(): { store: WatchStore<string>; log: string[] } {
  const log: string[] = [];
  const store = new WatchStore(decode, {
    upserted: (key, value) => void log.push(`+${key}=${value}`),
    deleted: (key) => void log.push(`-${key}`),
    rejected: (key) => void log.push(`!${key}`),
    synced: () => void log.push('synced'),
  });
  return { store, log };
}

/** A store that answers a watch with these batches, each one revision further, and writes down what it was asked. */
function script(steps: readonly Step[], asked: (ResumePoint | undefined)[] = [], end?: Error): Pick<KvReader, 'watch'> {
  return {
    async *watch(_prefix, { resume }): AsyncGenerator<WatchBatch> {
      asked.push(resume);
      let revision = 0;
      for (const { phase, events } of steps) yield { phase, events: events.map(event), point: point(++revision) };
      if (end !== undefined) throw end;
    },
  };
}

function event(text: string): KvEvent {
  const [key = '', value = ''] = text.split('=');
  if (text.startsWith('-')) return { kind: 'delete', key: text.slice(1), modRevision: 1n };
  return { kind: 'put', key, value: Buffer.from(value), modRevision: 1n };
}

function point(revision: number): ResumePoint {
  return { storeId: 1n, revision: BigInt(revision), witnesses: new Map() };
}

function signal(): AbortSignal {
  return new AbortController().signal;
}
