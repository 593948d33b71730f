import { describe, expect, it } from '@jest/globals';

import { Scratch } from './scratch.ts';

describe('Scratch', () => {
  it('joins, whatever was there before', () => {
    const scratch = new Scratch();
    expect(scratch.join([Buffer.from('a long'), Buffer.from(' text')]).toString()).toBe('a long text');
    expect(scratch.join([Buffer.from('short')]).toString()).toBe('short');
    expect(scratch.join([]).toString()).toBe('');
  });

  it('gives the same memory again, while it is large enough', () => {
    const scratch = new Scratch();
    const first = scratch.take(1_000);
    expect(scratch.take(10)).toBe(first);
    expect(scratch.take(1_001)).not.toBe(first);
  });

  it('holds on to no memory of a very large answer', () => {
    const scratch = new Scratch();
    const large = scratch.take(9 * 1024 * 1024);
    expect(scratch.take(9 * 1024 * 1024)).not.toBe(large);
  });
});
