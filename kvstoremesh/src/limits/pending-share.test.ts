import { describe, expect, it } from '@jest/globals';

import { pendingShare } from './pending-share.ts';

describe('pendingShare', () => {
  it('is all that one may have while they are few, then a part that shrinks with their number', () => {
    const most = { keys: 16_384, bytes: 8_388_608 };
    expect(pendingShare(0)).toEqual(most);
    expect(pendingShare(8)).toEqual(most);
    expect(pendingShare(64)).toEqual({ keys: 2_048, bytes: 1_048_576 });
  });

  it('is never so little that writing would go step by step', () => {
    expect(pendingShare(100_000)).toEqual({ keys: 256, bytes: 65_536 });
  });
});
