import { describe, expect, it } from '@jest/globals';

import { aborted } from './abort.ts';

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
