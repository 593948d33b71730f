import { expect, it } from '@jest/globals';
import { docsTable, metricRows } from '@clustermesh/testkit';
import type { ClusterName } from '@clustermesh/wire';

import { ApiserverMetrics } from './metrics.ts';

it('every metric is in docs/metrics.md', () => {
  const metrics = new ApiserverMetrics('east' as ClusterName);
  const nodes = { name: 'nodes', scope: 'cilium/state/nodes/v1', entries: 0, pending: 0, isSynced: false };
  metrics.show(() => ({ kinds: [nodes], identities: 0, bootstrapMs: undefined, isLeader: true }));
  expect(docsTable('metrics.md', 'clustermesh-apiserver')).toEqual(metricRows(metrics.registry));
});
