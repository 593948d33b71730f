import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { FakeClock } from '@clustermesh/runtime';

import { Pacer } from './pacer.ts';

it('goes on at once until its slice is used up', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock);
  let turned = false;
  setImmediate(() => (turned = true));
  await pacer.pause();
  expect(turned).toBe(false);
  await clock.advance(10);
  await pacer.pause();
  expect(turned).toBe(true);
});

it('lets one stage a turn go on, in their order', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock);
  await clock.advance(10);
  const went: string[] = [];
  const stage = async (name: string): Promise<void> => {
    await pacer.pause();
    went.push(name);
  };
  const all = Promise.all(['a', 'b', 'c'].map(stage));
  expect(went).toEqual([]);
  await turn();
  expect(went).toEqual(['a']);
  await turn();
  expect(went).toEqual(['a', 'b']);
  await all;
  expect(went).toEqual(['a', 'b', 'c']);
});
