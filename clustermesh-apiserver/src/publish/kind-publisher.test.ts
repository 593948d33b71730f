import { describe, expect, it } from '@jest/globals';

import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import { kindByName } from '@clustermesh/wire';

import { meshNode } from '../map/node.ts';
import { ApiserverMetrics } from '../metrics.ts';
import { aNode, east } from '../testing/objects.ts';
import { KindPublisher } from './kind-publisher.ts';

const node = meshNode(aNode('n1', '172.18.0.2'), east);
const key = 'cilium/state/nodes/v1/east/n1';

async function setUp() {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  const kv = new MemoryKvStore(server, { clock });
  const metrics = new ApiserverMetrics(east.name);
  const deps = {
    kv,
    cluster: east,
    clock,
    random: seededRandom(1),
    health: new Health(clock),
    log: silentLogger,
    metrics,
  };
  const publisher = new KindPublisher(kindByName.nodes, deps);
  const keys = (): string[] => server.list('').map((entry) => entry.key);
  const start = async (): Promise<void> => {
    void publisher.run(new AbortController().signal);
    await clock.advance(0);
  };
  return { clock, keys, kv, metrics, publisher, server, start };
}

describe('KindPublisher', () => {
  it('announces nothing before everything of the start is put', async () => {
    const { clock, keys, publisher, start } = await setUp();
    await start();
    publisher.upsert('n1', node);
    await clock.advance(0);
    expect(keys()).toEqual([key]);
    expect(publisher.isSynced).toBe(false);
    publisher.synced();
    await clock.advance(0);
    expect(keys()).toEqual([key, 'cilium/synced/east/cilium/state/nodes/v1']);
    expect(publisher.isSynced).toBe(true);
  });

  it('keeps what an earlier process published until it knows better, then deletes what is gone (I3)', async () => {
    const { clock, keys, kv, publisher, start } = await setUp();
    const old = 'cilium/state/nodes/v1/east/gone';
    const foreign = 'cilium/state/nodes/v1/east2/n1';
    for (const one of [old, key, foreign]) await kv.commit([{ kind: 'put', key: one, value: Buffer.from('x') }]);
    await start();
    publisher.upsert('n1', node);
    await clock.advance(0);
    expect(keys()).toContain(old);
    publisher.synced();
    await clock.advance(0);
    expect(keys().filter((one) => one.includes('/nodes/v1/'))).toEqual([key, foreign]);
  });

  it('deletes what is gone also when it could look into the store only after everything was put', async () => {
    const { clock, keys, kv, publisher, server, start } = await setUp();
    const old = 'cilium/state/nodes/v1/east/gone';
    await kv.commit([{ kind: 'put', key: old, value: Buffer.from('x') }]);
    const before = server.revision;
    server.stop();
    await start();
    publisher.upsert('n1', node);
    publisher.synced();
    await clock.advance(1_000);
    server.start();
    await clock.advance(30_000);
    const canary = 'cilium/synced/east/cilium/state/nodes/v1';
    expect(keys()).toEqual([key, canary]);
    const changes = (server.eventsAfter(before) ?? []).flat().map((event) => `${event.kind} ${event.key}`);
    expect(changes.indexOf(`delete ${old}`)).toBeLessThan(changes.indexOf(`put ${canary}`));
  });

  it('does not publish what readers would refuse, and withdraws what was there', async () => {
    const { clock, keys, publisher, start } = await setUp();
    await start();
    publisher.upsert('n1', node);
    await clock.advance(0);
    publisher.upsert('n1', { ...node, name: 'other' });
    publisher.upsert('n2', node);
    await clock.advance(0);
    expect(keys()).toEqual([]);
  });

  it('counts failed writes and goes on', async () => {
    const { clock, keys, metrics, publisher, server, start } = await setUp();
    await start();
    server.stop();
    publisher.upsert('n1', node);
    await clock.advance(1_000);
    server.start();
    await clock.advance(60_000);
    expect(keys()).toEqual([key]);
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/sync_errors_total\{scope="nodes\/v1",source_cluster="east"\} [1-9]/);
    expect(text).toMatch(
      /operations_duration_seconds_count\{scope="nodes\/v1",kind="set",action="Update",outcome="success"\} 1/,
    );
  });
});
