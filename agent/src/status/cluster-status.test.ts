import { describe, expect, it } from '@jest/globals';
import { FakeClock, Health } from '@clustermesh/runtime';

import { lastFailures } from './cluster-status.ts';

describe('lastFailures', () => {
  it('gives each cluster the newest trouble of its jobs', async () => {
    const clock = new FakeClock();
    const health = new Health(clock);
    health.scope('cluster/east/ip').degraded('older');
    await clock.advance(1_000);
    const since = clock.now();
    health.scope('cluster/east').degraded('newer');
    health.scope('cluster/north/nodes').degraded('its own');
    await clock.advance(1_000);
    health.scope('cluster/east/nodes').ok();
    health.scope('clusters').degraded('of no cluster');
    expect(Object.fromEntries(lastFailures(health))).toEqual({
      east: { reason: 'newer', since },
      north: { reason: 'its own', since },
    });
  });
});
