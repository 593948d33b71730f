import { expect, it } from '@jest/globals';
import { FakeClock } from '@clustermesh/runtime';
import { docsTable, metricRows } from '@clustermesh/testkit';

import { createMetrics } from './metrics.ts';

it('every metric is in docs/metrics.md', () => {
  const { registry } = createMetrics({ mesh: () => undefined, isLeader: () => true, clock: new FakeClock() });
  expect(docsTable('metrics.md', 'kvstoremesh')).toEqual(metricRows(registry));
});
