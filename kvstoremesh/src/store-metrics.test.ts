import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';

import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import type { KvOp } from '@clustermesh/kvstore';
import { FakeClock } from '@clustermesh/runtime';

import { StoreMetrics } from './store-metrics.ts';

const put = (key: string): KvOp => ({ kind: 'put', key, value: Buffer.from('v') });
const own = 'cilium_kvstoremesh_kvstore_';

function setUp() {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  const store = new MemoryKvStore(server, { clock });
  const registry = new Registry();
  const metrics = new StoreMetrics(registry, clock);
  const stop = new AbortController();
  const line = async (start: string): Promise<string | undefined> =>
    (await registry.metrics()).split('\n').find((each) => each.startsWith(own + start));
  return { clock, server, store, metrics, stop, line };
}

describe('StoreMetrics', () => {
  it('counts writes by what they are of, and how long they take', async () => {
    const { clock, store, metrics, stop, line } = setUp();
    const commit = store.commit.bind(store);
    store.commit = async (ops: readonly KvOp[]) => {
      await clock.sleep(30, stop.signal);
      return commit(ops);
    };
    const local = metrics.writing(store);
    const key = 'cilium/cache/nodes/v1/east/n1';
    const done = local.commit([put(key), { kind: 'delete', key: `${key}0` }], stop.signal);
    await clock.advance(30);
    await done;
    const labels = (kind: string, action: string): string =>
      `{scope="nodes/v1",kind="${kind}",action="${action}",outcome="success"}`;
    expect(await line(`operations_duration_seconds_sum${labels('set', 'Update')}`)).toMatch(/ 0.03$/);
    expect(await line(`operations_duration_seconds_count${labels('delete', 'Delete')}`)).toMatch(/ 1$/);
    expect(await line('sync_errors_total{')).toBeUndefined();
  });

  it('counts writes that fail, by the cluster that they come from', async () => {
    const { server, store, metrics, stop, line } = setUp();
    server.stop();
    const local = metrics.writing(store);
    for (const key of ['cilium/cache/ip/v1/east/10.0.0.1', 'clustermesh/freshness/east']) {
      await expect(local.commit([put(key)], stop.signal)).rejects.toMatchObject({ code: 'KV_UNAVAILABLE' });
    }
    expect(await line('sync_errors_total{scope="ip/v1",source_cluster="east"}')).toMatch(/ 1$/);
    expect(
      await line('operations_duration_seconds_count{scope="ip/v1",kind="set",action="Update",outcome="fail"}'),
    ).toMatch(/ 1$/);
  });

  it('counts events of remote clusters, and how long each waits to be taken', async () => {
    const { clock, server, store, metrics, stop, line } = setUp();
    const prefix = 'cilium/state/services/v1/east/';
    server.apply([put(`${prefix}a`), put(`${prefix}b`)], 0);
    const remote = metrics.following(store);
    const following = (async () => {
      for await (const { phase } of remote.watch(prefix, {}, stop.signal))
        if (phase !== 'live') await clock.sleep(200, stop.signal);
    })();
    await clock.advance(250);
    server.apply([put(`${prefix}a`)], 0);
    server.apply([{ kind: 'delete', key: `${prefix}b` }], 0);
    await clock.advance(10);
    const count = (action: string): Promise<string | undefined> =>
      line(`events_queue_seconds_count{scope="services/v1",action="${action}"}`);
    expect(await count('create')).toMatch(/ 2$/);
    expect(await count('listDone')).toMatch(/ 1$/);
    expect(await line('events_queue_seconds_sum{scope="services/v1",action="create"}')).toMatch(/ 0.4$/);
    expect([await count('modify'), await count('delete')]).toEqual([
      expect.stringMatching(/ 1$/),
      expect.stringMatching(/ 1$/),
    ]);
    stop.abort();
    await following;
  });

  it('counts heartbeats that did not come', async () => {
    const { metrics, line } = setUp();
    metrics.heartbeatMissed();
    expect(await line('quorum_errors_total{error="no event received"}')).toMatch(/ 1$/);
  });
});
