import { expect, it } from '@jest/globals';

import { Probers } from './probers.ts';
import type { RunningProbe } from './provider.ts';

const from = { cluster: 'east', pod: 'shop/client' };

function probe(ask: RunningProbe['ask'], stopped: () => void = () => undefined): RunningProbe {
  const ended = new Promise<never>(() => undefined);
  return { latest: () => undefined, ask, ended, stop: async () => stopped() };
}

it('a pod is asked by one program, which is started once and ended at the end', async () => {
  let started = 0;
  let stopped = 0;
  const probers = new Probers({
    startProbe: async () => {
      started++;
      return probe(
        async (line) => ({ [line]: 'answered' }),
        () => {
          stopped++;
        },
      );
    },
  });
  expect(await probers.try(from, ['a'])).toEqual({ a: 'answered' });
  expect(await probers.try(from, ['b', 'c'])).toEqual({ 'b,c': 'answered' });
  await probers.stop();
  expect([started, stopped]).toEqual([1, 1]);
});

it('a program that has ended is followed by another: the pod may be a new one', async () => {
  const answers = [() => Promise.reject(new Error('ended')), async () => ({ a: 'silent' })];
  const probers = new Probers({ startProbe: async () => probe(answers.shift() ?? (async () => ({}))) });
  await expect(probers.try(from, ['a'])).rejects.toThrow('ended');
  expect(await probers.try(from, ['a'])).toEqual({ a: 'silent' });
});
