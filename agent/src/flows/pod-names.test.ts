import { describe, expect, it } from '@jest/globals';
import type { KvEntry, KvReader } from '@clustermesh/kvstore';
import { FakeClock } from '@clustermesh/runtime';
import { ipIdentityCodec, kindByName, parseIp } from '@clustermesh/wire';
import type { ClusterId, ClusterName, IpIdentity } from '@clustermesh/wire';

import type { Published } from '../ingest/cluster-feed.ts';
import { PodNames } from './pod-names.ts';

const signal = new AbortController().signal;
const address = parseIp('10.2.0.5') ?? new Uint8Array();
const east = 2;

function value(change: Partial<IpIdentity> = {}): Uint8Array {
  return ipIdentityCodec.encode({
    ...{ ip: '10.2.0.5', mask: null, hostIp: '172.30.2.11', id: 131_080 as IpIdentity['id'], key: 0, metadata: '' },
    ...{ k8sNamespace: 'demo', k8sPodName: 'echo', k8sServiceAccount: '', namedPorts: [] },
    ...change,
  });
}

/** West is our own cluster; of east there is a copy. */
function published(name: string, get: KvReader['get']): Published | undefined {
  const cluster = name as ClusterName;
  const clusterId = { west: 1, east: 2 }[name];
  if (clusterId === undefined) return undefined;
  const { ip } = kindByName;
  return {
    context: { cluster, clusterId: clusterId as ClusterId, maxConnectedClusters: 255 },
    kv: { get, watch: () => neverUsed() },
    prefixOf: () => (name === 'west' ? ip.statePrefix(cluster) : ip.cachePrefix(cluster)),
  };
}

function neverUsed(): never {
  throw new Error('names are asked for one by one');
}

function setUp(entries: Record<string, Uint8Array>) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const get = (key: string): Promise<KvEntry | undefined> => {
    asked.push(key);
    const bytes = entries[key];
    return Promise.resolve(bytes && { key, value: bytes, createRevision: 1n, modRevision: 1n });
  };
  const names = new PodNames({
    published: (cluster) => published(cluster, get),
    nameOfCluster: (id) => ({ 1: 'west' as ClusterName, 2: 'east' as ClusterName })[id] ?? '',
    clock,
  });
  return { clock, names, asked };
}

const cacheKey = 'cilium/cache/ip/v1/east/10.2.0.5';

describe('PodNames', () => {
  it('reads what the other cluster tells of the address, once', async () => {
    const { names, asked } = setUp({ [cacheKey]: value() });
    expect(names.nameOf(address)).toBeUndefined();
    await names.learn([{ address, clusterId: east }], signal);
    await names.learn([{ address, clusterId: east }], signal);
    expect(names.nameOf(address)).toEqual({ namespace: 'demo', name: 'echo' });
    expect(asked).toEqual([cacheKey]);
  });

  it('reads our own cluster where it publishes', async () => {
    const { names, asked } = setUp({});
    await names.learn([{ address, clusterId: 1 }], signal);
    expect(asked).toEqual(['cilium/state/ip/v1/default/10.2.0.5']);
    expect(names.nameOf(address)).toBeUndefined();
  });

  it('asks again after a while: the address may be another pod', async () => {
    const entries = { [cacheKey]: value() };
    const { clock, names } = setUp(entries);
    await names.learn([{ address, clusterId: east }], signal);
    entries[cacheKey] = value({ k8sPodName: 'other' });
    await clock.advance(30_000);
    expect(names.nameOf(address)).toBeUndefined();
    await names.learn([{ address, clusterId: east }], signal);
    expect(names.nameOf(address)?.name).toBe('other');
  });

  it('asks again soon for a name that was not there: it may have been on its way', async () => {
    const entries: Record<string, Uint8Array> = {};
    const { clock, names } = setUp(entries);
    await names.learn([{ address, clusterId: east }], signal);
    entries[cacheKey] = value();
    await clock.advance(2_000);
    await names.learn([{ address, clusterId: east }], signal);
    expect(names.nameOf(address)?.name).toBe('echo');
  });

  it.each([
    { name: 'does not agree with its key', bytes: value({ ip: '10.2.0.6' }) },
    { name: "has an identity that is not the cluster's", bytes: value({ id: 65_540 as IpIdentity['id'] }) },
    { name: 'is no value', bytes: Buffer.from('{') },
  ])('believes nothing that $name (I6)', async ({ bytes }) => {
    const { names } = setUp({ [cacheKey]: bytes });
    await names.learn([{ address, clusterId: east }], signal);
    expect(names.nameOf(address)).toBeUndefined();
  });

  it('asks for a bounded number at once, whatever a flood brings', async () => {
    const { names, asked } = setUp({});
    const flood = Array.from({ length: 200 }, (_, index) => ({
      address: parseIp(`10.2.1.${index}`) ?? new Uint8Array(),
      clusterId: east,
    }));
    await names.learn(flood, signal);
    expect(asked).toHaveLength(64);
  });

  it('knows nothing where the store fails, and asks again', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const names = new PodNames({
      published: (cluster) => published(cluster, () => Promise.reject(new Error(`no store ${++asked}`))),
      nameOfCluster: () => 'east' as ClusterName,
      clock,
    });
    await names.learn([{ address, clusterId: east }], signal);
    await names.learn([{ address, clusterId: east }], signal);
    expect(names.nameOf(address)).toBeUndefined();
    expect(asked).toBe(2);
  });
});
