import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { KvReader, WatchBatch } from '@clustermesh/kvstore';
import { FakeClock } from '@clustermesh/runtime';

import { ListingTurns } from './listing-turns.ts';

const point = { storeId: 1n, revision: 1n, witnesses: new Map<string, string>() };

/** A store that lists what it is told to, when it is told to. */
function setUp(longestMs?: number) {
  const clock = new FakeClock();
  const turns = new ListingTurns({ clock, atOnce: 2, longestMs });
  const begun: string[] = [];
  const listed: string[] = [];
  const gates = new Map<string, () => void>();
  const kv: Pick<KvReader, 'watch'> = {
    async *watch(prefix): AsyncGenerator<WatchBatch> {
      begun.push(prefix);
      const { promise, resolve } = Promise.withResolvers();
      gates.set(prefix, () => resolve(undefined));
      yield { phase: 'list', events: [], point };
      await promise;
      if (prefix.startsWith('broken')) throw new Error('lost');
      yield { phase: 'list-done', events: [], point };
      await Promise.withResolvers().promise;
    },
  };
  const watch = async (prefix: string, signal = new AbortController().signal): Promise<void> => {
    for await (const { phase } of turns.inTurn(kv, prefix.endsWith('!')).watch(prefix, {}, signal)) {
      if (phase === 'list-done') listed.push(prefix);
    }
  };
  const start = (prefix: string, signal?: AbortSignal): void => void watch(prefix, signal).catch(() => undefined);
  const finish = async (prefix: string): Promise<void> => {
    gates.get(prefix)?.();
    await turn();
  };
  return { clock, begun, listed, start, finish };
}

describe('ListingTurns', () => {
  it('lets a few list at a time, and urgent ones first', async () => {
    const { begun, listed, start, finish } = setUp();
    for (const prefix of ['a', 'b', 'c', 'd', 'e!']) start(prefix);
    await turn();
    expect(begun).toEqual(['a', 'b']);
    await finish('b');
    expect(begun).toEqual(['a', 'b', 'e!']);
    await finish('e!');
    await finish('a');
    expect(begun).toEqual(['a', 'b', 'e!', 'c', 'd']);
    expect(listed).toEqual(['b', 'e!', 'a']);
  });

  it('gives the turn of a listing that failed to the next one', async () => {
    const { begun, start, finish } = setUp();
    for (const prefix of ['broken1', 'broken2', 'c', 'd']) start(prefix);
    await turn();
    await finish('broken1');
    await finish('broken2');
    expect(begun).toEqual(['broken1', 'broken2', 'c', 'd']);
  });

  it('forgets who does not wait any more', async () => {
    const { begun, start, finish } = setUp();
    const gone = new AbortController();
    start('a');
    start('b');
    start('c', gone.signal);
    start('d');
    await turn();
    gone.abort();
    await finish('a');
    expect(begun).toEqual(['a', 'b', 'd']);
  });

  it('goes on without those that take too long, where each has a store of its own (I1)', async () => {
    const { clock, begun, start, finish } = setUp(5_000);
    for (const prefix of ['a', 'b', 'c', 'd', 'e']) start(prefix);
    await turn();
    await clock.advance(5_000);
    await turn();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    // Its turn is over already: it gives none away.
    await finish('a');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gives no more turns to those that took too long, however often they come again (I1)', async () => {
    const { clock, begun, start } = setUp(5_000);
    const [first, second] = [new AbortController(), new AbortController()];
    const slow = ['a!', 'b!', 'c!', 'd!'];
    for (const prefix of slow) start(prefix, first.signal);
    start('e');
    await turn();
    await clock.advance(5_000);
    await turn();
    expect(begun).toEqual(slow);
    for (const prefix of slow.slice(0, 2)) start(prefix, second.signal);
    await clock.advance(5_000);
    await turn();
    expect(begun).toContain('e');
    expect(begun.filter((prefix) => prefix === 'a!')).toHaveLength(2);
  });

  it('gives turns again to those that have become quick', async () => {
    const { clock, begun, start, finish } = setUp(5_000);
    start('a');
    await turn();
    await clock.advance(5_000);
    start('a');
    await turn();
    await finish('a');
    for (const prefix of ['b', 'c', 'a']) start(prefix);
    await turn();
    expect(begun).toEqual(['a', 'a', 'b', 'c']);
  });
});
