import { describe, expect, it } from '@jest/globals';

import { clusterConfigCodec } from '@clustermesh/wire';
import type { ClusterConfig } from '@clustermesh/wire';

import { defaultLimits } from '../limits/remote-limits.ts';
import type { QuotaStatus } from './quota-status.ts';
import { remoteClusterStatus } from './status.ts';
import type { KindStatus, RemoteClusterSnapshot } from './status.ts';

const kind = (count: number, more: Partial<KindStatus> = {}): KindStatus => ({
  ...{ count, pending: 0, listed: true, synced: true, enabled: true, ...more },
});
const config = (text: string): ClusterConfig => {
  const decoded = clusterConfigCodec.decode(Buffer.from(text));
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.value;
};
const ready: RemoteClusterSnapshot = {
  name: 'east',
  state: 'ready',
  endpoints: ['https://a:2379', 'https://b:2379'],
  config: config('{"id":2,"capabilities":{"syncedCanaries":true,"serviceExportsEnabled":false}}'),
  kinds: {
    nodes: kind(1),
    identities: kind(2),
    ip: kind(3),
    services: kind(4),
    serviceexports: kind(5),
    endpointslices: kind(0, { enabled: false }),
  },
  wasReady: true,
  failures: 1,
  revocations: 0,
  lastFailure: { atMs: Date.UTC(2026, 0, 1), code: 'KV_UNAVAILABLE', reason: 'no heartbeat for 120 s' },
  lastContactMs: Date.UTC(2026, 0, 2),
  storeId: 0xabcn,
  quota: {
    ...{ limits: defaultLimits.perRemote, keys: 10, bytes: 1000, overQuota: 0, reason: '', refusal: undefined },
    ...{ refusals: 0, malformed: { count: 0, example: '' }, isThrottled: false, throttledMs: 0 },
  },
};
const limits = {
  'max-keys': 500_000,
  'max-bytes': 268_435_456,
  'max-value-bytes': 1_571_840,
  'max-changes-per-second': 1_000,
  'max-bytes-per-second': 1_048_576,
};

describe('remoteClusterStatus', () => {
  it('is the RemoteCluster of Cilium and what only we have', () => {
    expect(remoteClusterStatus(ready)).toEqual({
      name: 'east',
      ready: true,
      connected: true,
      status: 'connected to https://a:2379, https://b:2379, ID: abc',
      'last-failure': '2026-01-01T00:00:00.000Z',
      'num-failures': 1,
      'num-nodes': 1,
      'num-identities': 2,
      'num-endpoints': 3,
      'num-shared-services': 4,
      'num-service-exports': 5,
      'num-endpoint-slices': 0,
      config: {
        required: true,
        retrieved: true,
        'cluster-id': 2,
        kvstoremesh: false,
        'sync-canaries': true,
        'service-exports-enabled': false,
      },
      synced: { nodes: true, endpoints: true, identities: true, services: true, 'service-exports': true },
      state: 'ready',
      'last-error': 'no heartbeat for 120 s',
      'last-error-code': 'KV_UNAVAILABLE',
      'last-contact': '2026-01-02T00:00:00.000Z',
      limits,
      usage: { keys: 10, bytes: 1000 },
    });
  });

  it('tells why entries wait to be written', () => {
    const writeProblem = { code: 'KV_NO_SPACE', reason: 'write a: the database is full' } as const;
    const kinds = { ...ready.kinds, ip: kind(3, { pending: 2 }), nodes: kind(1, { pending: 1 }) };
    expect(remoteClusterStatus({ ...ready, kinds, writeProblem })).toMatchObject({
      'not-written': { code: 'KV_NO_SPACE', reason: 'write a: the database is full', pending: 3 },
    });
    expect(remoteClusterStatus(ready)).not.toHaveProperty(['not-written']);
  });

  it('leaves out what is not known yet', () => {
    const { kinds } = ready;
    const fresh = { ...ready, kinds, config: undefined, lastFailure: undefined, lastContactMs: undefined };
    const status = remoteClusterStatus({ ...fresh, state: 'connecting' });
    expect(status).toMatchObject({ connected: false, config: { required: true, retrieved: false } });
    for (const field of ['last-failure', 'last-error', 'last-error-code', 'last-contact']) {
      expect(status).not.toHaveProperty([field]);
    }
  });

  it('tells what is over a limit, malformed and late', () => {
    const kinds = { ...ready.kinds, services: kind(4, { pending: 3 }) };
    const quota: QuotaStatus = {
      ...{ ...ready.quota, overQuota: 2, reason: 'too many', refusals: 9, isThrottled: true, throttledMs: 4_200 },
      refusal: { limit: 'keys', kind: 'services', example: 'demo/web' },
      malformed: { count: 1, example: 'x' },
    };
    expect(remoteClusterStatus({ ...ready, kinds, quota })).toMatchObject({
      'over-quota': {
        ...{ count: 2, reason: 'too many', limit: 'keys', kind: 'services', example: 'demo/web', refusals: 9 },
      },
      malformed: { count: 1, example: 'x' },
      throttled: { pending: 3, seconds: 4 },
    });
  });

  it.each([
    ['connecting', 'connecting to https://a:2379, https://b:2379 again after: no heartbeat for 120 s'],
    ['configuring', 'connected to https://a:2379, https://b:2379, waiting for cilium/cluster-config/east'],
    ['syncing', 'connected to https://a:2379, https://b:2379, waiting for services'],
    ['waiting', 'Err: no heartbeat for 120 s'],
    ['unusable', 'Err: no heartbeat for 120 s'],
    ['leaving', 'removed, its data is kept for a while'],
    ['draining', 'removed, its data is being deleted'],
  ] as const)('says in one line what it is doing while %s', (state, line) => {
    const kinds = { ...ready.kinds, services: kind(4, { synced: false }) };
    expect(remoteClusterStatus({ ...ready, kinds, state }).status).toBe(line);
  });
});
