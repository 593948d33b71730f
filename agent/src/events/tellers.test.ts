import { describe, expect, it } from '@jest/globals';

import { isTeller } from './tellers.ts';

describe('isTeller', () => {
  const nodes = Array.from({ length: 100 }, (_, index) => `n${String(index).padStart(3, '0')}`);

  it('gives each subject to two nodes, and all nodes some', () => {
    const counts = new Map<string, number>();
    for (let service = 0; service < 1_000; service++) {
      const tellers = nodes.filter((node) => isTeller(`demo/s${service}`, node, nodes));
      expect(tellers).toHaveLength(2);
      for (const node of tellers) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    expect(counts.size).toBe(nodes.length);
  });

  it.each([
    { name: 'the only nodes', self: 'n1', all: ['n1', 'n2'] },
    { name: 'a node that is not published', self: 'n9', all: ['n1', 'n2', 'n3'] },
  ])('$name tell of everything', ({ self, all }) => {
    expect(isTeller('demo/echo', self, all)).toBe(true);
  });
});
