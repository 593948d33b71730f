import { afterEach, describe, expect, it } from '@jest/globals';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock, Health, MeshError, seededRandom, silentLogger } from '@clustermesh/runtime';
import { clusterConfigCodec, clusterConfigKey, clusterName } from '@clustermesh/wire';
import type { ClusterId } from '@clustermesh/wire';

import { localClusterConfig } from '../cluster-config.ts';
import type { LocalCluster } from '../map/local-cluster.ts';
import { noExports } from '../testing/one-cluster.ts';
import { PublisherClaim } from './publisher-claim.ts';
import { publisherKey } from './publisher-record.ts';

function named(text: string, id: number): LocalCluster {
  const name = clusterName(text);
  if (!name.ok) throw new Error(name.reason);
  return { name: name.value, id: id as ClusterId, maxConnectedClusters: 255 };
}
const east = named('east', 1);
const west = named('west', 2);
const put = (key: string, value: string): { kind: 'put'; key: string; value: Uint8Array } => ({
  ...{ kind: 'put', key, value: Buffer.from(value) },
});

describe('PublisherClaim', () => {
  const stops = new Set<AbortController>();
  const { signal } = new AbortController();
  const clock = new FakeClock();
  let server = new MemoryKvServer({ clock });
  afterEach(() => {
    for (const stop of stops) stop.abort();
    stops.clear();
    server = new MemoryKvServer({ clock });
  });

  async function start(cluster: LocalCluster, uid: string | (() => Promise<string>)) {
    const stop = new AbortController();
    stops.add(stop);
    const kv = new MemoryKvStore(server, { clock });
    const health = new Health(clock);
    const learn = typeof uid === 'string' ? async () => uid : uid;
    const deps = { kv, clock, random: seededRandom(1), health, log: silentLogger, uid: learn };
    const claim = new PublisherClaim(cluster, deps);
    void claim.run(stop.signal);
    await clock.advance(100);
    return { claim, health, guarded: claim.guard(kv), stop: () => stop.abort() };
  }

  it('has an empty etcd at once', async () => {
    const { claim, guarded } = await start(east, 'u1');
    expect(claim.problem).toBeUndefined();
    await guarded.commit([put('a', '1')], signal);
    expect(server.get('a')).toBeDefined();
  });

  it.each([
    ['another cluster', west, 'it belongs to cluster east (id 1), and this is west (id 2)'],
    [
      'a cluster of the same name and id',
      east,
      'another Kubernetes cluster is published there under the same name, east (id 1)',
    ],
  ])('refuses %s as long as the first one lives, and lets it in when that has gone', async (_case, second, reason) => {
    const first = await start(east, 'u1');
    const { claim, guarded, health } = await start(second, 'u2');
    let written = false;
    void guarded.commit([put('a', '1')], signal).then(() => (written = true));
    await clock.advance(600_000);
    expect(claim.problem).toContain(reason);
    expect(health.report()).toContainEqual(expect.objectContaining({ name: 'publisher/claim', state: 'degraded' }));
    expect(first.claim.problem).toBeUndefined();
    expect(written).toBe(false);
    first.stop();
    await clock.advance(25_000);
    expect(claim.problem).toBeUndefined();
    expect(written).toBe(true);
    expect(health.report()).toContainEqual(expect.objectContaining({ name: 'publisher/claim', state: 'ok' }));
  });

  it('gives way to nobody but itself: a restart of the same cluster publishes at once, also under a new name', async () => {
    const first = await start(east, 'u1');
    first.stop();
    expect((await start(east, 'u1')).claim.problem).toBeUndefined();
    await new MemoryKvStore(server, { clock }).commit([
      {
        kind: 'put',
        key: clusterConfigKey(east.name),
        value: clusterConfigCodec.encode(localClusterConfig(east, noExports)),
      },
    ]);
    expect((await start(west, 'u1')).claim.problem).toBeUndefined();
  });

  it('takes name and id for it while Kubernetes does not answer', async () => {
    const first = await start(east, 'u1');
    const away = async (): Promise<string> => Promise.reject(new MeshError('KUBE_UNAVAILABLE', 'get kube-system'));
    expect((await start(east, away)).claim.problem).toBeUndefined();
    expect((await start(west, away)).claim.problem).toContain('belongs to cluster east');
    first.stop();
    expect(JSON.parse(String(Buffer.from(server.get(publisherKey)?.value ?? '')))).toMatchObject({ uid: 'u1' });
  });

  it('stops writing when another one has taken the claim', async () => {
    const first = await start(east, 'u1');
    const record = { cluster: 'west', clusterId: 2, uid: 'u2', beat: '' };
    for (let beat = 0; beat < 5; beat++) {
      await new MemoryKvStore(server, { clock }).commit([
        put(publisherKey, JSON.stringify({ ...record, beat: `${beat}` })),
      ]);
      await clock.advance(5_000);
    }
    expect(first.claim.problem).toContain('belongs to cluster west');
    await clock.advance(30_000);
    expect(first.claim.problem).toBeUndefined();
  });

  it('waits for what a publisher without a claim has left, until its lease ends', async () => {
    const other = new MemoryKvStore(server, { clock, leaseTtlSeconds: 60 });
    const value = clusterConfigCodec.encode(localClusterConfig(west, noExports));
    await other.commit([{ kind: 'put', key: clusterConfigKey(west.name), value }]);
    const { claim } = await start(east, 'u1');
    expect(claim.problem).toContain('cilium/cluster-config/west is not of cluster east');
    await other[Symbol.asyncDispose]();
    await clock.advance(120_000);
    expect(claim.problem).toBeUndefined();
  });

  it('does not mind the copies of remote clusters, nor a record that is none', async () => {
    const config = localClusterConfig(west, noExports);
    const copy = clusterConfigCodec.encode({ ...config, capabilities: { ...config.capabilities, cached: true } });
    await new MemoryKvStore(server, { clock }).commit([
      { kind: 'put', key: clusterConfigKey(west.name), value: copy },
      put(publisherKey, '{"cluster":7}'),
    ]);
    expect((await start(east, '')).claim.problem).toBeUndefined();
  });

  it('claims again when its record went, as with an etcd that lost its data', async () => {
    const { claim } = await start(east, 'u1');
    server.apply([{ kind: 'delete', key: publisherKey }], 0);
    await clock.advance(5_000);
    expect(server.get(publisherKey)).toBeDefined();
    expect(claim.problem).toBeUndefined();
  });
});
