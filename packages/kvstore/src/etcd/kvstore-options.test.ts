import { describe, expect, it } from '@jest/globals';

import { parseKvstoreOptions } from './kvstore-options.ts';

describe('parseKvstoreOptions', () => {
  it.each([
    { text: '', want: { at: undefined, writeRate: undefined, tuning: {} } },
    {
      text: 'etcd.config=/a=b/c.yaml,etcd.qps=50,etcd.maxInflight=10,etcd.bootstrapQps=10000',
      want: {
        at: '/a=b/c.yaml',
        writeRate: { perSecond: 50, whileStarting: 10_000 },
        tuning: { maxInFlight: 10 },
      },
    },
    { text: 'etcd.qps=20', want: { at: undefined, writeRate: { perSecond: 20, whileStarting: 20 }, tuning: {} } },
    { text: 'etcd.qps=0,etcd.bootstrapQps=100', want: { at: undefined, writeRate: undefined, tuning: {} } },
    { text: 'etcd.maxInflight=0,etcd.limit=0', want: { at: undefined, writeRate: undefined, tuning: {} } },
    {
      text: 'etcd.limit=1000,etcd.keepaliveHeartbeat=20s,etcd.keepaliveTimeout=1m',
      want: {
        at: undefined,
        writeRate: undefined,
        tuning: { pageSize: 1_000, keepaliveMs: 20_000, keepaliveTimeoutMs: 60_000 },
      },
    },
    {
      text: '{"etcd.config": "/var/lib/etcd-config/etcd.config", "etcd.qps": "100"}',
      want: {
        at: '/var/lib/etcd-config/etcd.config',
        writeRate: { perSecond: 100, whileStarting: 100 },
        tuning: {},
      },
    },
  ])('reads "$text"', ({ text, want }) => {
    expect(parseKvstoreOptions(text)).toEqual(want);
  });

  it.each(['127.0.0.1:4001', 'http://127.0.0.1:4001'])('takes the address %s of an etcd without TLS', (address) => {
    const want = { endpoints: ['http://127.0.0.1:4001'], tls: undefined };
    expect(parseKvstoreOptions(`etcd.address=${address}`).at).toMatchObject(want);
  });

  it('reads the file where there is an address too', () => {
    expect(parseKvstoreOptions('etcd.address=a:1,etcd.config=/c').at).toBe('/c');
  });

  it.each([
    ...['etcd.qbs=20', 'etcd.qps=-1', 'etcd.qps=many', 'etcd.qps', 'consul.address=x', '{"etcd.qps"'],
    ...['etcd.keepaliveTimeout=25', 'etcd.keepaliveHeartbeat=0s', 'etcd.address=https://a:1', 'etcd.address=a'],
  ])('refuses "%s"', (text) => {
    expect(() => parseKvstoreOptions(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
