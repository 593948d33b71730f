import { describe, expect, it } from '@jest/globals';

import { HeldKeys } from './held-keys.ts';

describe('HeldKeys', () => {
  it('is a set', () => {
    const keys = new HeldKeys();
    for (const key of ['p/a', 'p/b', 'q', 'p/a']) keys.add(key);
    keys.delete('p/b');
    keys.delete('none');
    expect(keys.size).toBe(2);
    expect([keys.has('p/a'), keys.has('p/b')]).toEqual([true, false]);
    keys.add('p/c');
    expect(keys.all().sort()).toEqual(['p/a', 'p/c', 'q']);
  });
});
