import { describe, expect, it } from '@jest/globals';

import { SharedBytes } from './shared-bytes.ts';

describe('SharedBytes', () => {
  it('gives the half that is not dealt out to those who come first', () => {
    const shared = new SharedBytes(1_000);
    const [a, b] = [shared.join(), shared.join()];
    expect(a.fits(750)).toBe(true);
    expect(a.fits(751)).toBe(false);
    a.add(750);
    expect(a.fits(1)).toBe(false);
    expect(b.fits(250)).toBe(true);
    expect(b.fits(251)).toBe(false);
  });

  it('keeps a part for everyone, however much the others want', () => {
    const shared = new SharedBytes(1_000);
    const greedy = shared.join();
    const modest = Array.from({ length: 4 }, () => shared.join());
    while (greedy.fits(1)) greedy.add(1);
    expect(greedy.used).toBe(600);
    for (const share of modest) {
      expect(share.fits(100)).toBe(true);
      share.add(100);
      expect(share.fits(1)).toBe(false);
    }
    expect(shared.used).toBe(1_000);
  });

  it('takes back what is freed, who leaves, and another total', () => {
    const shared = new SharedBytes(100);
    const [a, b] = [shared.join(), shared.join()];
    a.add(75);
    b.add(25);
    expect(b.fits(1)).toBe(false);
    a.add(-50);
    expect(b.fits(50)).toBe(true);
    a.add(50);
    a.leave();
    expect(b.fits(75)).toBe(true);
    shared.setTotal(20);
    expect(b.fits(1)).toBe(false);
    expect(b.fits(-1)).toBe(true);
    expect(shared.used).toBe(25);
  });
});
