import { expect, it } from '@jest/globals';
import { docsTable, metricRows } from '@clustermesh/testkit';

import { createMetrics } from './metrics.ts';

it('every metric is in docs/metrics.md', () => {
  const neverScraped = (): never => {
    throw new Error('the page needs no values');
  };
  expect(docsTable('metrics.md', 'clustermesh-agent')).toEqual(metricRows(createMetrics(neverScraped).registry));
});
