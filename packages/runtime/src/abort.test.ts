import { describe, expect, it } from '@jest/globals';

import { ScopedAbort, aborted } from './abort.ts';

describe('aborted', () => {
  it('resolves when the signal aborts, not before', async () => {
    const stop = new AbortController();
    const waiting = aborted(stop.signal).then(() => 'aborted');
    expect(await Promise.race([waiting, Promise.resolve('waiting')])).toBe('waiting');
    stop.abort();
    expect(await waiting).toBe('aborted');
  });

  it('resolves at once when the signal has aborted', async () => {
    await expect(aborted(AbortSignal.abort())).resolves.toBeUndefined();
  });
});

describe('ScopedAbort', () => {
  it('aborts with its parent, for the same reason', () => {
    const parent = new AbortController();
    using scope = new ScopedAbort(parent.signal);
    expect(scope.signal.aborted).toBe(false);
    parent.abort('stop');
    expect(scope.signal.reason).toBe('stop');
    expect(new ScopedAbort(parent.signal).signal.reason).toBe('stop');
  });

  it('aborts alone when told, with an error as its reason', () => {
    const parent = new AbortController();
    using scope = new ScopedAbort(parent.signal);
    scope.abort();
    expect(scope.signal.aborted).toBe(true);
    expect(() => scope.signal.throwIfAborted()).toThrow('aborted');
    expect(parent.signal.aborted).toBe(false);
  });

  it('is aborted when it is left', () => {
    const scope = new ScopedAbort(new AbortController().signal);
    scope[Symbol.dispose]();
    expect(scope.signal.aborted).toBe(true);
  });
});
