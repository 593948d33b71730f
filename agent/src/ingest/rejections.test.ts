import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@clustermesh/runtime';

import { Rejections } from './rejections.ts';

describe('Rejections', () => {
  it('counts by kind of reason, whatever texts and numbers a peer puts in, with an example each', () => {
    const rejections = new Rejections('east', silentLogger);
    rejections.reject('ip/1', 'identity 70000 is not one of cluster east');
    rejections.reject('ip/2', 'identity 70001 is not one of cluster east');
    rejections.reject('nodes/a', 'cluster is "no\\"rth", expected "east"');
    rejections.reject('nodes/b', 'cluster is "south", expected "east"');
    rejections.reject('nodes/c', 'cluster is "x", expected "east"');
    rejections.reject('services/x', '"fd00::zz" is not an IP address');
    expect(rejections.reasons).toEqual([
      { reason: 'cluster is "x", expected "east"', count: 3, key: 'nodes/c' },
      { reason: 'identity 70001 is not one of cluster east', count: 2, key: 'ip/2' },
      { reason: '"fd00::zz" is not an IP address', count: 1, key: 'services/x' },
    ]);
  });

  it('remembers few of a hundred thousand, and nothing long', () => {
    const rejections = new Rejections('east', silentLogger);
    for (let number = 0; number < 100_000; number++) {
      const word = String.fromCharCode(97 + (number % 26), 97 + (Math.floor(number / 26) % 26));
      rejections.reject(`ip/${number}/${'k'.repeat(1_000)}`, `reason ${word} ${'r'.repeat(1_000)}`);
    }
    expect(rejections.count).toBe(100_000);
    expect(rejections.latest).toHaveLength(10);
    expect(rejections.reasons).toHaveLength(16);
    expect(rejections.reasons[0]).toMatchObject({ reason: 'other reasons' });
    expect(rejections.reasons.reduce((sum, { count }) => sum + count, 0)).toBe(100_000);
    expect(JSON.stringify([rejections.latest, rejections.reasons]).length).toBeLessThan(20_000);
  });
});
