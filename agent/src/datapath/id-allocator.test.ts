import { describe, expect, it } from '@jest/globals';

import { IdAllocator } from './id-allocator.ts';

describe('IdAllocator', () => {
  it('hands out every number but 0 exactly once, then none', () => {
    const ids = new IdAllocator(70);
    const taken = Array.from({ length: 69 }, () => ids.allocate());
    expect(new Set(taken)).toEqual(new Set(Array.from({ length: 69 }, (_, index) => index + 1)));
    expect(ids.allocate()).toBeUndefined();
    expect(ids.used).toBe(69);
  });

  it('hands out a released number again', () => {
    const ids = new IdAllocator(4);
    for (let i = 0; i < 3; i++) ids.allocate();
    ids.release(2);
    expect(ids.allocate()).toBe(2);
  });

  it('never hands out a reserved number', () => {
    const ids = new IdAllocator(64);
    expect(ids.reserve(1)).toBe(true);
    expect(ids.reserve(40)).toBe(true);
    const taken = Array.from({ length: 61 }, () => ids.allocate());
    expect(taken).not.toContain(1);
    expect(taken).not.toContain(40);
    expect(ids.allocate()).toBeUndefined();
  });

  it.each([0, -1, 64, 65])('refuses to reserve %d, which is out of range', (id) => {
    expect(new IdAllocator(64).reserve(id)).toBe(false);
  });

  it('refuses to reserve a number twice', () => {
    const ids = new IdAllocator(64);
    ids.reserve(7);
    expect(ids.reserve(7)).toBe(false);
  });
});
