import { describe, expect, it } from '@jest/globals';

import { describeCut } from './cut.ts';
import { renderDuration } from './duration.ts';
import { renderTable } from './table.ts';

describe('renderTable', () => {
  it('aligns columns and leaves no blank at the end of a line', () => {
    const table = renderTable(
      ['name', 'age'],
      [
        ['echo', '4s'],
        ['a-longer-name', ''],
      ],
    );
    expect(table.split('\n')).toEqual(['NAME            AGE', 'echo            4s', 'a-longer-name']);
  });
});

describe('describeCut', () => {
  it.each([
    { traffic: 'control', direction: 'both', want: 'north <-> east, west: packets of the control planes are lost' },
    { traffic: 'data', direction: 'in', want: 'north <- east, west: packets between pods are lost' },
    { traffic: 'all', direction: 'out', want: 'north -> east, west: all packets are lost' },
  ] as const)('says which way is lost: $want', ({ traffic, direction, want }) => {
    expect(describeCut({ cluster: 'north', peers: ['east', 'west'], traffic, direction })).toBe(want);
  });
});

describe('renderDuration', () => {
  it.each([
    [0, '0s'],
    [59_400, '59s'],
    [60_000, '1m'],
    [192_000, '3m12s'],
    [7_500_000, '2h5m'],
    [273_600_000, '3d4h'],
  ])('%i ms is %s', (ms, want) => {
    expect(renderDuration(ms)).toBe(want);
  });
});
