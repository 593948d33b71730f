import { expect, it } from '@jest/globals';
import { Registry } from 'prom-client';

import { BulkHistogram } from './bulk-histogram.ts';

it('BulkHistogram reads as a histogram that was told of each observation', async () => {
  const registry = new Registry();
  const options = { help: 'waiting', labelNames: ['scope'] as const, buckets: [0.01, 0.1], registers: [registry] };
  const histogram = new BulkHistogram({ name: 'wait_seconds', ...options });
  histogram.add({ scope: 'nodes/v1' }, 0.01, 1_000_000);
  histogram.add({ scope: 'nodes/v1' }, 0.05, 2);
  histogram.add({ scope: 'nodes/v1' }, 3, 1);
  histogram.add({ scope: 'ip/v1' }, 0.001, 1);
  expect((await registry.metrics()).split('\n')).toEqual([
    '# HELP wait_seconds waiting',
    '# TYPE wait_seconds histogram',
    'wait_seconds_bucket{le="0.01",scope="nodes/v1"} 1000000',
    'wait_seconds_bucket{le="0.1",scope="nodes/v1"} 1000002',
    'wait_seconds_bucket{le="+Inf",scope="nodes/v1"} 1000003',
    'wait_seconds_sum{scope="nodes/v1"} 10003.1',
    'wait_seconds_count{scope="nodes/v1"} 1000003',
    'wait_seconds_bucket{le="0.01",scope="ip/v1"} 1',
    'wait_seconds_bucket{le="0.1",scope="ip/v1"} 1',
    'wait_seconds_bucket{le="+Inf",scope="ip/v1"} 1',
    'wait_seconds_sum{scope="ip/v1"} 0.001',
    'wait_seconds_count{scope="ip/v1"} 1',
    '',
  ]);
});
