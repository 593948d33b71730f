import { describe, expect, it } from '@jest/globals';

import { MeshError, describeError, errorCodes, hasCode } from './errors.ts';

describe('MeshError', () => {
  it('carries its code, is not retryable unless said, and keeps its cause', () => {
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:2379');
    const error = new MeshError('KV_UNAVAILABLE', 'list cilium/state/ from cluster east', { cause });
    expect(error).toMatchObject({ name: 'MeshError', code: 'KV_UNAVAILABLE', retryable: false, cause });
    expect(hasCode(error, 'KV_COMPACTED', 'KV_UNAVAILABLE')).toBe(true);
    expect(hasCode(cause, 'KV_UNAVAILABLE')).toBe(false);
  });

  it('has no code twice', () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length);
  });
});

describe('describeError', () => {
  it.each([
    {
      name: 'a chain is one line, outermost first',
      error: new MeshError('INTERNAL', 'a', { cause: new Error('b') }),
      want: 'a: b',
    },
    {
      name: 'what an outer message already says is not repeated',
      error: new MeshError('INTERNAL', 'a: b', { cause: new Error('b') }),
      want: 'a: b',
    },
    { name: 'line breaks become spaces', error: new Error('a\n  b'), want: 'a b' },
    { name: 'anything thrown has a text', error: 'plain text', want: 'plain text' },
  ])('$name', ({ error, want }) => {
    expect(describeError(error)).toBe(want);
  });

  it('ends on a cause that refers to itself', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(describeError(error)).toBe('loop');
  });
});
