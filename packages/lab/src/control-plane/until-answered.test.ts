import { FakeClock, MeshError } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';

import { untilAnswered } from './until-answered.ts';

const unavailable = new MeshError('KUBE_UNAVAILABLE', 'list nodes');

/** Fails with each of `errors` in turn, then succeeds. */
function action(errors: readonly MeshError[]): { readonly tries: () => number; readonly run: () => Promise<void> } {
  let tries = 0;
  const run = (): Promise<void> => {
    const error = errors[tries++];
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  };
  return { tries: () => tries, run };
}

describe('untilAnswered', () => {
  it('repeats what the API did not answer, and says why it waits', async () => {
    const { run, tries } = action([unavailable, unavailable]);
    const clock = new FakeClock();
    const reasons: string[] = [];
    const done = untilAnswered(run, clock, new AbortController().signal, (reason) => reasons.push(reason));
    await clock.advance(100);
    await done;
    expect(tries()).toBe(3);
    expect(reasons).toEqual(['list nodes', 'list nodes']);
  });

  it('throws what a repetition cannot mend', async () => {
    const { run, tries } = action([new MeshError('KUBE_FORBIDDEN', 'list nodes')]);
    await expect(untilAnswered(run, new FakeClock(), new AbortController().signal)).rejects.toThrow('list nodes');
    expect(tries()).toBe(1);
  });

  it('ends when it is aborted', async () => {
    const stop = new AbortController();
    const { run, tries } = action(Array<MeshError>(9).fill(unavailable));
    const done = untilAnswered(run, new FakeClock(), stop.signal);
    stop.abort();
    await done;
    expect(tries()).toBe(1);
  });
});
