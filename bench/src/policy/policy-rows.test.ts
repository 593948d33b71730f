import { describe, expect, it } from '@jest/globals';

import { policyRows, remoteOf, rowCounts, shapeOf, subjectOf } from './policy-rows.ts';

describe('policyRows', () => {
  it.each(rowCounts)('are %d different ones', (rows) => {
    const keys = [...policyRows(rows)].map(({ subject, remote, region }) => `${subject} ${remote} ${region.bits}`);
    expect(new Set(keys).size).toBe(rows);
  });

  it.each(rowCounts)('are about whoever pods and addresses are, of %d', (rows) => {
    const shape = shapeOf(rows);
    const held = new Set([...policyRows(rows)].map(({ subject, remote }) => `${subject} ${remote}`));
    for (let number = 0; number < 2_000; number += 7) {
      expect(held).toContain(`${subjectOf(number % 10, shape)} ${remoteOf(number, shape)}`);
    }
  });
});
