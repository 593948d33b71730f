import { describe, expect, it } from '@jest/globals';

import { BoundedQueue } from './bounded-queue.ts';

describe('BoundedQueue', () => {
  it('gives items in order and ends when closed and empty', async () => {
    const queue = new BoundedQueue<number>(10);
    await queue.push(1);
    await queue.push(2);
    queue.close();
    expect(await Array.fromAsync(queue)).toEqual([1, 2]);
    expect(await queue.push(3)).toBe(false);
  });

  it('makes a push wait while it is full, and never holds more than its capacity', async () => {
    const queue = new BoundedQueue<number>(2);
    let pushed = 0;
    const producer = (async () => {
      for (let item = 0; item < 5; item++) {
        await queue.push(item);
        pushed++;
      }
      queue.close();
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect([pushed, queue.size]).toEqual([2, 2]);
    expect(await Array.fromAsync(queue)).toEqual([0, 1, 2, 3, 4]);
    await producer;
  });

  it('lets a waiting push go, untaken, when it is closed', async () => {
    const queue = new BoundedQueue<number>(1);
    await queue.push(1);
    const waiting = queue.push(2);
    queue.close();
    expect(await waiting).toBe(false);
  });
});
