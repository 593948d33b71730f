import { describe, expect, it } from '@jest/globals';

import { FirstRound } from './first-round.ts';

function setUp() {
  let done = 0;
  const added: string[] = [];
  const round = new FirstRound(() => done++);
  const queue = { add: (key: string) => void added.push(key) };
  return { round, queue, added, done: () => done };
}

describe('FirstRound', () => {
  it('is over when each key has been worked on, and only once', () => {
    const { round, queue, added, done } = setUp();
    round.start(['a', 'b'], queue);
    expect(added).toEqual(['a', 'b']);
    round.worked('a');
    round.worked('a');
    round.worked('c');
    expect(done()).toBe(0);
    round.worked('b');
    round.worked('b');
    expect(done()).toBe(1);
  });

  it('is over at once when there is nothing', () => {
    const { round, queue, done } = setUp();
    round.start([], queue);
    expect(done()).toBe(1);
  });
});
