import { describe, expect, it } from '@jest/globals';

import { WriteQueue } from './write-queue.ts';
import type { KeyOp } from './write-queue.ts';

const limits = { ops: 100, bytes: 1_000 };
const put = (key: string, value = '1'): KeyOp => ({ kind: 'put', key, value: Buffer.from(value) });
const keys = (ops: readonly KeyOp[]): string[] => ops.map(({ key }) => key);

describe('WriteQueue', () => {
  it('keeps the newest op of a key at the place of its first', () => {
    const queue = new WriteQueue();
    queue.push(put('a', 'old'));
    queue.push(put('b'));
    queue.push(put('a', 'new'));
    expect(queue.take(limits)).toEqual([put('a', 'new'), put('b')]);
  });

  it('counts the bytes that it holds, taken ones until they are acknowledged', () => {
    const queue = new WriteQueue();
    queue.push(put('a', 'x'.repeat(99)));
    queue.push(put('a', 'x'.repeat(9)));
    queue.push({ kind: 'delete', key: 'bb' });
    queue.pushBarrier(put('c', '1'));
    queue.pushBarrier(put('c', '22'));
    expect(queue.bytes).toBe(10 + 2 + 3);
    queue.take(limits);
    queue.push(put('a', '1'));
    expect(queue.bytes).toBe(10 + 2 + 3 + 2);
    queue.putBack();
    expect(queue.bytes).toBe(2 + 2 + 3);
    queue.withdraw('c');
    queue.take(limits);
    queue.acknowledge();
    expect(queue.bytes).toBe(0);
  });

  it('takes no more than the limits, but at least one', () => {
    const queue = new WriteQueue();
    for (const key of ['a', 'b', 'c', 'd']) queue.push(put(key, 'x'.repeat(600)));
    expect(keys(queue.take(limits))).toEqual(['a', 'b']);
    queue.acknowledge();
    expect(keys(queue.take({ ops: 1, bytes: 1_000 }))).toEqual(['c']);
    queue.acknowledge();
    expect(keys(queue.take({ ops: 100, bytes: 1 }))).toEqual(['d']);
  });

  it('takes deletions first where it is told to, but never past a barrier that is one', () => {
    const queue = new WriteQueue();
    const slow = { ops: 2, bytes: 1_000, deletesFirst: true };
    for (const key of ['a', 'b', 'c']) queue.push(put(key));
    queue.push({ kind: 'delete', key: 'd' });
    expect(keys(queue.take(slow))).toEqual(['d']);
    queue.acknowledge();
    expect(keys(queue.take(slow))).toEqual(['a', 'b']);
    queue.acknowledge();
    queue.pushBarrier({ kind: 'delete', key: 'canary' });
    queue.push({ kind: 'delete', key: 'e' });
    expect(keys(queue.take(slow))).toEqual(['c']);
    queue.acknowledge();
    expect(keys(queue.take(slow))).toEqual(['canary']);
    queue.acknowledge();
    expect(keys(queue.take(slow))).toEqual(['e']);
  });

  it('puts a canary after deletions that came later', () => {
    const queue = new WriteQueue();
    queue.push(put('a'));
    queue.pushBarrier(put('canary'));
    queue.push({ kind: 'delete', key: 'b' });
    const firstDeletes = { ...limits, deletesFirst: true };
    const taken = [1, 2, 3].map(() => {
      const batch = keys(queue.take(firstDeletes));
      queue.acknowledge();
      return batch;
    });
    expect(taken).toEqual([['b'], ['a'], ['canary']]);
  });

  it('takes deletions alone where nothing can be put, whatever else waits', () => {
    const queue = new WriteQueue();
    queue.push(put('a'));
    queue.push(put('b'));
    queue.pushBarrier(put('canary'));
    queue.push({ kind: 'delete', key: 'a' });
    queue.push({ kind: 'delete', key: 'c' });
    expect(queue.deletes).toBe(2);
    expect(keys(queue.take({ ...limits, deletesOnly: true }))).toEqual(['a', 'c']);
    expect(queue.deletes).toBe(0);
    queue.putBack();
    expect(queue.deletes).toBe(2);
    queue.push(put('c'));
    expect(keys(queue.take({ ...limits, deletesOnly: true }))).toEqual(['a']);
    queue.acknowledge();
    expect(keys(queue.take({ ...limits, deletesOnly: true }))).toEqual([]);
  });

  it('takes a barrier alone, after all that stood before it was acknowledged', () => {
    const queue = new WriteQueue();
    queue.push(put('a'));
    queue.pushBarrier(put('canary'));
    queue.push(put('b'));
    expect(keys(queue.take(limits))).toEqual(['a']);
    queue.putBack();
    expect(keys(queue.take(limits))).toEqual(['a']);
    queue.acknowledge();
    expect(keys(queue.take(limits))).toEqual(['canary']);
    queue.acknowledge();
    expect(keys(queue.take(limits))).toEqual(['b']);
    queue.acknowledge();
    expect(queue.size).toBe(0);
  });

  it('puts back what was not written, in front, unless there is something newer', () => {
    const queue = new WriteQueue();
    queue.push(put('a', 'old'));
    queue.push(put('b'));
    queue.take(limits);
    queue.push(put('c'));
    queue.push(put('a', 'new'));
    expect(queue.size).toBe(4);
    queue.putBack();
    expect(queue.take(limits)).toEqual([put('a', 'new'), put('b'), put('c')]);
  });

  it('does not move a barrier to the front that was pushed again behind others while it was being written', () => {
    const queue = new WriteQueue();
    queue.pushBarrier(put('canary', 'old'));
    queue.take(limits);
    queue.push(put('a'));
    queue.pushBarrier(put('canary', 'new'));
    queue.putBack();
    expect(keys(queue.take(limits))).toEqual(['a']);
    queue.acknowledge();
    expect(queue.take(limits)).toEqual([put('canary', 'new')]);
  });

  it('forgets that a key was a barrier once it is written', () => {
    const queue = new WriteQueue();
    queue.pushBarrier(put('canary'));
    queue.take(limits);
    queue.acknowledge();
    queue.push(put('a'));
    queue.push(put('canary'));
    expect(keys(queue.take(limits))).toEqual(['a', 'canary']);
  });

  it('moves what waits of a key behind all others', () => {
    const queue = new WriteQueue();
    queue.push(put('a', 'old'));
    queue.push(put('b'));
    queue.push(put('a', 'new'));
    queue.moveToEnd('a');
    queue.moveToEnd('unknown');
    expect(queue.take(limits)).toEqual([put('b'), put('a', 'new')]);
  });

  it('keeps a canary behind what is moved to the end: it announces that as well (I4)', () => {
    const queue = new WriteQueue();
    for (const key of ['a', 'b']) queue.push(put(key));
    queue.pushBarrier(put('canary'));
    queue.moveToEnd('a');
    expect(keys(queue.take(limits))).toEqual(['b', 'a']);
    queue.acknowledge();
    expect(keys(queue.take(limits))).toEqual(['canary']);
  });

  it('takes a waiting op back', () => {
    const queue = new WriteQueue();
    queue.pushBarrier(put('canary'));
    queue.withdraw('canary');
    expect(queue.isEmpty).toBe(true);
  });
});
