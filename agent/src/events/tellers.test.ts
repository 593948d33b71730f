import { describe, expect, it } from '@jest/globals';

import { tellerOf } from './tellers.ts';

describe('tellerOf', () => {
  const nodes = Array.from({ length: 100 }, (_, index) => `n${String(index).padStart(3, '0')}`);

  it('gives each subject to two nodes, and all nodes some', () => {
    const tellers = nodes.map((node) => ({ node, tells: tellerOf(node, nodes) }));
    const counts = new Map<string, number>();
    for (let service = 0; service < 1_000; service++) {
      const told = tellers.filter(({ tells }) => tells(`demo/s${service}`)).map(({ node }) => node);
      expect(told).toHaveLength(2);
      for (const node of told) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    expect(counts.size).toBe(nodes.length);
  });

  it.each([
    { name: 'the only nodes', self: 'n1', all: ['n1', 'n2'] },
    { name: 'a node that is not published', self: 'n9', all: ['n1', 'n2', 'n3'] },
  ])('$name tell of everything', ({ self, all }) => {
    expect(tellerOf(self, all)('demo/echo')).toBe(true);
  });
});
