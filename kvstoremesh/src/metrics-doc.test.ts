import { expect, it } from '@jest/globals';
import { docsTable, metricRows } from '@clustermesh/testkit';

import { createMetrics } from './metrics.ts';

it('every metric is in docs/metrics.md', () => {
  expect(docsTable('metrics.md', 'kvstoremesh')).toEqual(
    metricRows(
      createMetrics(
        () => undefined,
        () => true,
      ),
    ),
  );
});
