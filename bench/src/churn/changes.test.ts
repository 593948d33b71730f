import { describe, expect, it } from '@jest/globals';

import { addressCount } from '../propagation/changes.ts';
import { churnAt, finalVersions, noVersion } from './changes.ts';
import { churnLatencies, lostKeys } from './latencies.ts';
import type { Sent } from './latencies.ts';

describe('churnAt', () => {
  it('gives clusters turns, and an address a higher version each time it comes round', () => {
    expect([0, 1, 2, 3].map((sequence) => churnAt(sequence, 3).cluster)).toEqual([0, 1, 2, 0]);
    const [first, second] = [churnAt(0, 3), churnAt(3 * addressCount, 3)];
    expect(second).toMatchObject({ address: first.address, version: first.version + 1 });
  });

  it('leaves behind what was put last, and nothing of what was deleted last', () => {
    const sequence = Array.from({ length: 10 * addressCount }, (_, index) => index).find(
      (index) => churnAt(index, 1).isDelete,
    );
    const { address } = churnAt(sequence ?? NaN, 1);
    expect(finalVersions(sequence ?? NaN, ['a']).has(`a/${address}`)).toBe((sequence ?? 0) >= addressCount);
    expect(finalVersions((sequence ?? NaN) + 1, ['a']).has(`a/${address}`)).toBe(false);
  });
});

describe('churnLatencies', () => {
  const sent: Sent[] = [
    { key: 'a', version: 1, isDelete: false, atMs: 0 },
    { key: 'a', version: 2, isDelete: false, atMs: 10 },
    { key: 'a', version: 3, isDelete: true, atMs: 20 },
    { key: 'a', version: 4, isDelete: false, atMs: 30 },
  ];
  it.each([
    {
      name: 'each change by its own sighting',
      seen: [
        [1, 1],
        [2, 12],
        [noVersion, 23],
        [4, 34],
      ],
      want: [1, 2, 3, 4],
    },
    {
      name: 'one that was passed over by a later one',
      seen: [
        [2, 15],
        [4, 40],
      ],
      want: [15, 5, 20, 10],
    },
    { name: 'nothing of what was never seen', seen: [[1, 5]], want: [5] },
    { name: 'no deletion by one that came before', seen: [[noVersion, 5]], want: [] },
  ])('$name', ({ seen, want }) => {
    const sightings = seen.map(([version = 0, atMs = 0]) => ({ key: 'a', version, atMs }));
    expect(churnLatencies(sent, sightings)).toEqual(want);
  });
});

it('counts keys as lost that are missing, old, or should be gone', () => {
  const wanted = new Map([
    ['fine', 1],
    ['missing', 1],
    ['old', 2],
  ]);
  const found = new Map([
    ['fine', 1],
    ['old', 1],
    ['deleted', 1],
  ]);
  expect(lostKeys(wanted, found).sort()).toEqual(['deleted', 'missing', 'old']);
});
