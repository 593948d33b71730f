import { describe, expect, it } from '@jest/globals';

import { toldFlow } from './testing/told-flow.ts';
import { TimeMerge } from './time-merge.ts';
import type { FlowLine } from './flow-line.ts';

const at = (seconds: number, node = 'n1'): FlowLine => ({
  ...toldFlow,
  node,
  time: `2026-01-01T00:00:0${seconds}.000000Z`,
});
const nodes = (lines: readonly FlowLine[]): readonly string[] => lines.map(({ node }) => node);

describe('TimeMerge', () => {
  it('holds lines for a moment, and gives them in the order in which it happened', () => {
    const merge = new TimeMerge();
    merge.push(at(2, 'late'), 0);
    merge.push(at(1, 'early'), 300);
    merge.push(at(3, 'later'), 350);
    expect(merge.due(399)).toEqual([]);
    expect(nodes(merge.due(400))).toEqual(['early', 'late']);
    expect(nodes(merge.due(750))).toEqual(['later']);
  });

  it('gives all that is left in order, those of one time as they came', () => {
    const merge = new TimeMerge();
    for (const line of [at(2, 'b'), at(1, 'a'), at(2, 'c')]) merge.push(line, 0);
    expect(nodes(merge.all())).toEqual(['a', 'b', 'c']);
    expect(merge.all()).toEqual([]);
  });
});
