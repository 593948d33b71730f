import { describe, expect, it } from '@jest/globals';

import { renderTable } from './table.ts';

describe('renderTable', () => {
  it('aligns text to the left and numbers, with their head, to the right', () => {
    expect(
      renderTable(
        ['figure', 'value', 'unit'],
        [
          ['p50_ms', 1.5, 'ms'],
          ['lost', 0, 'count'],
        ],
      ),
    ).toBe(['FIGURE   VALUE   UNIT', 'p50_ms   1.500   ms', 'lost         0   count'].join('\n'));
  });

  it('shows what was not measured as a dash', () => {
    expect(renderTable(['figure', 'value'], [['p99_ms', NaN]])).toBe(['FIGURE   VALUE', 'p99_ms       -'].join('\n'));
  });

  it('leaves no blanks at the end of a line', () => {
    expect(renderTable(['a', 'long'], [['x', '']])).toBe(['A   LONG', 'x'].join('\n'));
  });
});
