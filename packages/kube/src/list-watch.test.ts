import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';

import { FakeClock, MeshError, seededRandom, silentLogger } from '@clustermesh/runtime';

import type { KubeClient, KubeList, KubeObject, KubeWatchEvent, ListOptions, Resource } from './kube-client.ts';
import { ListWatch } from './list-watch.ts';
import type { ListWatchObserver } from './known-objects.ts';
import type { ListWatchDeps, ListWatchOptions } from './list-watch.ts';
import { KubeStatusError } from './status-error.ts';

const things: Resource<KubeObject> = {
  group: 'x.io',
  version: 'v1',
  plural: 'things',
  kind: 'Thing',
  namespaced: true,
};

/** What the server does next. A watch hangs until aborted unless it says how it ends. */
type Step =
  | { readonly list: readonly KubeObject[]; readonly rv?: string; readonly more?: string }
  | { readonly listFails: Error }
  | { readonly watch: readonly KubeWatchEvent<KubeObject>[]; readonly ends?: Error | 'peacefully' | 'at once' };

function thing(name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject {
  return { metadata: { name, uid, resourceVersion } };
}
const added = (name: string, rv: string, uid?: string): KubeWatchEvent<KubeObject> => ({
  type: 'ADDED',
  object: thing(name, rv, uid),
});
const modified = (name: string, rv: string): KubeWatchEvent<KubeObject> => ({
  type: 'MODIFIED',
  object: thing(name, rv),
});
const deleted = (name: string, rv: string): KubeWatchEvent<KubeObject> => ({
  type: 'DELETED',
  object: thing(name, rv),
});
const bookmark = (resourceVersion: string): KubeWatchEvent<KubeObject> => ({ type: 'BOOKMARK', resourceVersion });

const gone = new KubeStatusError({ code: 410, reason: 'Expired', message: 'too old resource version' });
const missing = new KubeStatusError({ code: 404, reason: 'NotFound', message: 'no such resource' });
const cut = new MeshError('KUBE_UNAVAILABLE', 'connection reset', { retryable: true });
const throttled = new KubeStatusError({
  code: 429,
  reason: 'TooManyRequests',
  message: 'slow down',
  details: { retryAfterSeconds: 7 },
});

/** Plays the steps in order and writes down what it was asked; when they run out it serves no more (hangs). */
class ScriptedClient implements Pick<KubeClient, 'list' | 'watch'> {
  readonly asked: string[] = [];
  /** Where it says that it is when it is asked for one object, which no step tells. */
  now = '1000';
  readonly #steps: Step[];
  readonly #clock: FakeClock;

  constructor(steps: readonly Step[], clock: FakeClock) {
    this.#steps = [...steps];
    this.#clock = clock;
  }

  async list<T extends KubeObject>(
    _: Resource<T>,
    options: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<KubeList<T>> {
    const { limit, continue: page } = options;
    if (limit === 1) {
      this.asked.push('where');
      return { items: [], resourceVersion: this.now };
    }
    this.asked.push(`list${limit === undefined ? ' at once' : ''}${page === undefined ? '' : ` after ${page}`}`);
    const step = this.#steps.shift();
    if (step === undefined) await this.#clock.sleep(1e9, signal);
    if (step !== undefined && 'listFails' in step) throw step.listFails;
    if (step === undefined || !('list' in step)) throw new Error(`the script has no list here`);
    const continued = step.more === undefined ? {} : { continue: step.more };
    return { items: step.list as readonly T[], resourceVersion: step.rv ?? '100', ...continued };
  }

  async *watch<T extends KubeObject>(
    _: Resource<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): AsyncGenerator<KubeWatchEvent<T>> {
    this.asked.push(`watch ${options.resourceVersion ?? '?'}`);
    const step = this.#steps.shift();
    if (step === undefined || !('watch' in step)) {
      await this.#clock.sleep(1e9, signal);
      return;
    }
    for (const event of step.watch) yield event as KubeWatchEvent<T>;
    if (step.ends === 'at once') return;
    if (step.ends === undefined) await this.#clock.sleep(1e9, signal);
    else await this.#clock.sleep(5000, signal);
    if (step.ends !== undefined && step.ends !== 'peacefully') throw step.ends;
  }
}

let stop = new AbortController();
let running: Promise<void> | undefined;
afterEach(async () => {
  stop.abort();
  await running;
});

interface StartDeps {
  readonly log?: ListWatchDeps['log'];
  readonly observer?: ListWatchObserver<KubeObject>;
}

function start(steps: readonly Step[], options: ListWatchOptions = {}, deps: StartDeps = {}) {
  stop = new AbortController();
  const clock = new FakeClock();
  const client = new ScriptedClient(steps, clock);
  const health: string[] = [];
  const listWatch = new ListWatch(client, things, options, {
    clock,
    random: seededRandom(1),
    log: deps.log ?? silentLogger,
    health: { ok: () => void health.push('ok'), degraded: (reason) => void health.push(reason) },
  });
  const told: string[] = [];
  const show = ({ metadata }: KubeObject): string => `${metadata.name}@${metadata.resourceVersion ?? ''}`;
  const observer = {
    upserted: (object: KubeObject) => void told.push(`+${show(object)}`),
    deleted: (object: KubeObject) => void told.push(`-${show(object)}`),
    synced: () => void told.push('synced'),
  };
  running = listWatch.run(deps.observer ?? observer, stop.signal);
  return { clock, client, told, health, listWatch };
}

describe('ListWatch', () => {
  it('keeps and tells only what it is to keep of an object, listed or watched', async () => {
    const labelled = (name: string, rv: string): KubeObject => {
      const { metadata } = thing(name, rv);
      return { metadata: { ...metadata, labels: { app: name }, managedFields: [{ manager: 'somebody' }] } };
    };
    const keep = ({ metadata }: KubeObject): KubeObject => {
      const { managedFields: _, ...rest } = metadata;
      return { metadata: rest };
    };
    const steps: Step[] = [
      { list: [labelled('a', '1')], rv: '5' },
      { watch: [{ type: 'ADDED', object: labelled('b', '6') }] },
    ];
    const { clock, told, listWatch } = start(steps, { keep });
    await clock.advance(1);
    expect(told).toEqual(['+a@1', 'synced', '+b@6']);
    expect([...listWatch.objects.values()]).toEqual([
      { metadata: { ...thing('a', '1').metadata, labels: { app: 'a' } } },
      { metadata: { ...thing('b', '6').metadata, labels: { app: 'b' } } },
    ]);
  });

  it.each<{ name: string; steps: Step[]; told: string[]; asked: string[]; now?: string }>([
    {
      name: 'lists, says synced, and follows from the list',
      steps: [
        { list: [thing('a', '1')], rv: '5' },
        { watch: [added('b', '6'), modified('a', '7'), deleted('b', '8')] },
      ],
      told: ['+a@1', 'synced', '+b@6', '+a@7', '-b@8'],
      asked: ['list', 'watch 5'],
    },
    {
      name: 'lists in pages and says synced after the last',
      steps: [
        { list: [thing('a', '1')], more: 'p2' },
        { list: [thing('b', '2')], more: 'p3' },
        { list: [thing('c', '3')], rv: '9' },
      ],
      told: ['+a@1', '+b@2', '+c@3', 'synced'],
      asked: ['list', 'list after p2', 'list after p3', 'watch 9'],
    },
    {
      name: 'lists at once when a page expired half-way, and deletes what that list misses',
      steps: [{ list: [thing('a', '1')], more: 'p2' }, { listFails: gone }, { list: [thing('b', '2')], rv: '9' }],
      told: ['+a@1', '+b@2', '-a@1', 'synced'],
      asked: ['list', 'list after p2', 'list at once', 'watch 9'],
    },
    {
      name: 'resumes after the server ended the watch, from the last event',
      steps: [{ list: [] }, { watch: [added('a', '101')], ends: 'peacefully' }, { watch: [deleted('a', '102')] }],
      told: ['synced', '+a@101', '-a@102'],
      asked: ['list', 'watch 100', 'watch 101'],
    },
    {
      name: 'resumes from a bookmark',
      steps: [{ list: [] }, { watch: [bookmark('150')], ends: cut }, { watch: [added('a', '151')] }],
      told: ['synced', '+a@151'],
      asked: ['list', 'watch 100', 'where', 'watch 150'],
    },
    {
      name: 'takes no resourceVersion from an empty bookmark',
      steps: [{ list: [] }, { watch: [bookmark('')], ends: cut }],
      told: ['synced'],
      asked: ['list', 'watch 100', 'where', 'watch 100'],
    },
    {
      name: 'resumes after the connection was cut: nothing is listed, nothing is told twice',
      steps: [{ list: [thing('a', '1')] }, { watch: [], ends: cut }, { watch: [modified('a', '101')] }],
      told: ['+a@1', 'synced', '+a@101'],
      asked: ['list', 'watch 100', 'where', 'watch 100'],
    },
    {
      name: 'lists again after 410 and tells the difference only',
      steps: [
        { list: [thing('kept', '1'), thing('changed', '2'), thing('gone', '3'), thing('anew', '4')] },
        { watch: [], ends: gone },
        {
          list: [thing('kept', '1'), thing('changed', '20'), thing('anew', '30', 'uid-2'), thing('new', '40')],
          rv: '150',
        },
      ],
      told: [
        ...['+kept@1', '+changed@2', '+gone@3', '+anew@4', 'synced'],
        ...['+changed@20', '-anew@4', '+anew@30', '+new@40', '-gone@3', 'synced'],
      ],
      asked: ['list', 'watch 100', 'list', 'watch 150'],
    },
    {
      name: 'a delete that happened while cut off comes with the resumed watch',
      steps: [{ list: [thing('a', '1')] }, { watch: [], ends: cut }, { watch: [deleted('a', '101')] }],
      told: ['+a@1', 'synced', '-a@101'],
      asked: ['list', 'watch 100', 'where', 'watch 100'],
    },
    {
      name: 'a restarted API that knows another history is listed, without a flap',
      steps: [
        { list: [thing('a', '1')] },
        { watch: [], ends: cut },
        { watch: [], ends: gone },
        { listFails: cut },
        { list: [thing('a', '1')], rv: '300' },
      ],
      told: ['+a@1', 'synced', 'synced'],
      asked: ['list', 'watch 100', 'where', 'watch 100', 'list', 'list', 'watch 300'],
    },
    {
      name: 'an API restored from a backup is listed once it is certain that it went back',
      steps: [
        { list: [thing('a', '1'), thing('late', '60')] },
        { watch: [], ends: cut },
        ...Array.from({ length: 3 }, (): Step => ({ list: [thing('a', '1'), thing('back', '2')], rv: '50' })),
      ],
      told: ['+a@1', '+late@60', 'synced', '+back@2', '-late@60', 'synced'],
      now: '50',
      asked: ['list', 'watch 100', ...Array<string>(6).fill('where'), 'list', 'watch 50'],
    },
  ])('$name', async ({ steps, told, asked, now = '1000' }) => {
    const run = start(steps);
    run.client.now = now;
    await run.clock.advance(60_000);
    expect(run.told).toEqual(told);
    expect(run.client.asked).toEqual(asked);
  });

  it('in a storm of 410 it lists less and less often', async () => {
    const steps = Array.from({ length: 400 }, (): Step[] => [{ list: [thing('a', '1')] }, { watch: [], ends: gone }]);
    const storm = steps.flat().map((step): Step => ('watch' in step ? { ...step, ends: gone } : step));
    const run = start(storm);
    await run.clock.advance(10 * 60_000);
    const lists = run.client.asked.filter((call) => call === 'list').length;
    expect(lists).toBeGreaterThan(20);
    expect(lists).toBeLessThan(60); // 15 s mean wait and 5 s of watching; 120 without backing off
    expect(run.told.filter((line) => line !== 'synced')).toEqual(['+a@1']);
  });

  it('does not spin when the server ends every watch at once', async () => {
    const run = start([{ list: [] }, ...Array.from({ length: 500 }, (): Step => ({ watch: [], ends: 'at once' }))]);
    await run.clock.advance(60_000);
    expect(run.client.asked.length).toBeLessThan(25);
  });

  it('waits as long as Retry-After says', async () => {
    const run = start([{ listFails: throttled }, { list: [] }]);
    await run.clock.advance(6_999);
    expect(run.client.asked).toEqual(['list']);
    await run.clock.advance(600); // and its own jitter of at most 500 ms
    expect(run.told).toEqual(['synced']);
  });

  it('obeys a Retry-After of hours for five minutes', async () => {
    const maintenance = new KubeStatusError({
      ...{ code: 503, reason: '', message: 'back at noon' },
      details: { retryAfterSeconds: 7_200 },
    });
    const run = start([{ listFails: maintenance }, { list: [] }]);
    await run.clock.advance(299_999);
    expect(run.client.asked).toEqual(['list']);
    await run.clock.advance(600);
    expect(run.told).toEqual(['synced']);
  });

  it('tells nothing of a replica that lags behind what was read, and waits until it has caught up', async () => {
    const behind = { list: [thing('a', '1')], rv: '90' };
    const run = start([
      { list: [thing('a', '95')] },
      { watch: [], ends: gone },
      behind,
      behind,
      { list: [thing('a', '95')], rv: '120' },
    ]);
    await run.clock.advance(20_000);
    expect(run.told).toEqual(['+a@95', 'synced', 'synced']);
    expect(run.health).toContain('list things (as of 90, older than read before)');
    expect(run.client.asked.at(-1)).toBe('watch 120');
  });

  describe('when an object is not understood', () => {
    const failing = (name: string) => ({
      upserted: ({ metadata }: KubeObject): void => {
        if (metadata.name === name) throw new Error(`cannot read ${name}`);
        told.push(`+${metadata.name}`);
      },
      deleted: ({ metadata }: KubeObject) => void told.push(`-${metadata.name}`),
      synced: () => void told.push('synced'),
    });
    let told: string[];
    beforeEach(() => {
      told = [];
    });

    it('goes on with the others, listed or watched, and says which one it is', async () => {
      const logged: unknown[] = [];
      const log = { warn: () => undefined, error: (fields: unknown) => void logged.push(fields) };
      const steps: Step[] = [
        { list: [thing('bad', '1'), thing('a', '2')] },
        { watch: [modified('bad', '101'), added('b', '102')] },
      ];
      const { clock, client } = start(steps, {}, { log, observer: failing('bad') });
      await clock.advance(60_000);
      expect(told).toEqual(['+a', 'synced', '+b']);
      expect(client.asked).toEqual(['list', 'watch 100']);
      expect(logged).toEqual([1, 2].map(() => ({ resource: 'things', object: 'bad', reason: 'cannot read bad' })));
    });

    it('keeps what it said before it could not be read', async () => {
      const keep = (object: KubeObject): KubeObject => {
        if (object.metadata.resourceVersion === '20') throw new Error('unreadable');
        return object;
      };
      const run = start(
        [{ list: [thing('a', '1')] }, { watch: [], ends: gone }, { list: [thing('a', '20')], rv: '200' }],
        { keep },
      );
      await run.clock.advance(60_000);
      expect(run.told).toEqual(['+a@1', 'synced', 'synced']);
    });
  });

  it('leaves nothing behind for a watch that ended, however many there were', async () => {
    const many = Array.from({ length: 300 }, (_, index): Step => ({ watch: [bookmark(`${101 + index}`)], ends: cut }));
    const run = start([{ list: [] }, ...many]);
    await run.clock.advance(60 * 60_000);
    expect(run.client.asked.length).toBeGreaterThan(500);
    expect(getEventListeners(stop.signal, 'abort').length).toBeLessThan(10);
  });

  it('gives up a watch that is silent for the idle time, and resumes', async () => {
    const run = start([{ list: [] }, { watch: [] }, { watch: [added('a', '101')] }], { idleMs: 20_000 });
    await run.clock.advance(19_999);
    expect(run.client.asked).toEqual(['list', 'watch 100']);
    await run.clock.advance(1_000);
    expect(run.client.asked).toEqual(['list', 'watch 100', 'where', 'watch 100']);
    expect(run.told).toEqual(['synced', '+a@101']);
    expect(run.health).toContain('watch things (silent for 20000 ms)');
    expect(run.health.at(-1)).toBe('ok');
  });

  it('takes an error that nobody classified for one to be retried', async () => {
    const run = start([{ listFails: new Error('surprise') }, { list: [thing('a', '1')] }]);
    await run.clock.advance(1_000);
    expect(run.told).toEqual(['+a@1', 'synced']);
    expect(run.health).toEqual(['surprise', 'ok']);
  });

  it('keeps its objects through a long outage', async () => {
    const outage = Array.from({ length: 200 }, (): Step => ({ watch: [], ends: cut }));
    const run = start([{ list: [thing('a', '1')] }, ...outage]);
    await run.clock.advance(20 * 60_000);
    expect(run.told).toEqual(['+a@1', 'synced']);
    expect([...run.listWatch.objects.keys()]).toEqual(['a']);
  });

  it('goes on where it was when it runs again', async () => {
    const run = start([{ list: [thing('a', '1')] }, { watch: [added('b', '101')] }, { watch: [deleted('a', '102')] }]);
    await run.clock.advance(1000);
    stop.abort();
    await running;
    stop = new AbortController();
    expect(run.client.asked).toEqual(['list', 'watch 100']);
    running = run.listWatch.run(
      {
        upserted: () => undefined,
        deleted: ({ metadata }) => void run.told.push(`again -${metadata.name}`),
        synced: () => undefined,
      },
      stop.signal,
    );
    await run.clock.advance(1000);
    expect(run.client.asked).toEqual(['list', 'watch 100', 'watch 101']);
    expect(run.told).toEqual(['+a@1', 'synced', '+b@101', 'again -a']);
  });

  describe('when the resource type does not exist', () => {
    const absent = (times: number): Step[] => Array.from({ length: times }, () => ({ listFails: missing }));

    it('is synced with nothing once that is certain, and tells objects when the CRD is added', async () => {
      const run = start([...absent(12), { list: [thing('a', '1')] }]);
      await run.clock.advance(2_000);
      expect(run.listWatch.isSynced).toBe(false);
      await run.clock.advance(60_000);
      expect(run.told).toEqual(['synced', '+a@1', 'synced']);
    });

    it('asks again at least every five seconds', async () => {
      const run = start(absent(100));
      await run.clock.advance(100_000);
      expect(run.client.asked.length).toBeGreaterThanOrEqual(20);
    });

    it('does not believe a starting server that answers 404 for a moment', async () => {
      const run = start([
        { list: [thing('a', '1')] },
        { watch: [], ends: missing },
        ...absent(2),
        { list: [thing('a', '1')] },
      ]);
      await run.clock.advance(60_000);
      expect(run.told).toEqual(['+a@1', 'synced', 'synced']);
    });

    it('deletes what it knew when the CRD is gone for good', async () => {
      const run = start([{ list: [thing('a', '1')] }, { watch: [], ends: missing }, ...absent(50)]);
      await run.clock.advance(60_000);
      expect(run.told).toEqual(['+a@1', 'synced', '-a@1', 'synced']);
      expect(run.health.at(-1)).toBe('ok');
    });

    it('is synced at once where its absence is believed, but gives up nothing that it knew', async () => {
      const run = start([...absent(1), { list: [thing('a', '1')] }, { watch: [], ends: missing }, ...absent(1)], {
        believesAbsence: true,
      });
      await run.clock.advance(100);
      expect(run.told).toEqual(['synced']);
      await run.clock.advance(2_500);
      expect(run.told).not.toContain('-a@1');
    });

    describe('but has to', () => {
      it('keeps what it knew, and says what is wrong (I4)', async () => {
        const run = start([{ list: [thing('a', '1')] }, { watch: [], ends: missing }, ...absent(50)], {
          mustExist: true,
        });
        await run.clock.advance(60_000);
        expect(run.told).toEqual(['+a@1', 'synced']);
        expect(run.health.at(-1)).toBe('no such resource');
      });

      it('is not synced before the CRD is there', async () => {
        const run = start([...absent(12), { list: [thing('a', '1')] }], { mustExist: true });
        await run.clock.advance(10_000);
        expect(run.told).toEqual([]);
        await run.clock.advance(60_000);
        expect(run.told).toEqual(['+a@1', 'synced']);
      });
    });
  });
});
