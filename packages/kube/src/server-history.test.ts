import { describe, expect, it } from '@jest/globals';

import { FakeClock } from '@clustermesh/runtime';

import { ServerHistory } from './server-history.ts';

function at(resourceVersion: string): { readonly clock: FakeClock; readonly history: ServerHistory } {
  const clock = new FakeClock();
  const history = new ServerHistory(clock);
  history.reached(resourceVersion);
  return { clock, history };
}

describe('ServerHistory', () => {
  it.each([
    { read: '100', now: '100' },
    { read: '99', now: '100' },
    { read: '9007199254740993', now: '9007199254740994' },
    { read: 'opaque', now: '1' },
    { read: '100', now: 'opaque' },
  ])('goes on at $now after $read', ({ read, now }) => {
    expect(at(read).history.judge(now)).toBe('same');
  });

  it('believes an older server when it stays older', async () => {
    const { clock, history } = at('100');
    expect(history.judge('90')).toBe('behind');
    await clock.advance(9_999);
    expect(history.judge('91')).toBe('behind');
    await clock.advance(1);
    expect(history.judge('92')).toBe('rewound');
    expect(history.judge('93')).toBe('same');
  });

  it('begins to doubt anew after a server that had caught up', async () => {
    const { clock, history } = at('100');
    history.judge('90');
    await clock.advance(9_000);
    expect(history.judge('100')).toBe('same');
    await clock.advance(9_000);
    expect(history.judge('99')).toBe('behind');
  });

  it('does not go back with an event that is told late', () => {
    const { history } = at('100');
    history.reached('90');
    expect(history.judge('95')).toBe('behind');
  });
});
