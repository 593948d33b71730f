import { describe, expect, it } from '@jest/globals';

import { parseKvstoreOptions } from './kvstore-opt.ts';

describe('parseKvstoreOptions', () => {
  it.each([
    { text: '', want: { etcdConfig: undefined, writeRate: undefined } },
    {
      text: 'etcd.config=/a=b/c.yaml,etcd.qps=50,etcd.maxInflight=10,etcd.bootstrapQps=10000',
      want: { etcdConfig: '/a=b/c.yaml', writeRate: { perSecond: 50, whileStarting: 10_000 } },
    },
    { text: 'etcd.qps=20', want: { writeRate: { perSecond: 20, whileStarting: 20 } } },
    { text: 'etcd.qps=0,etcd.bootstrapQps=100', want: { writeRate: undefined } },
  ])('reads "$text"', ({ text, want }) => {
    expect(parseKvstoreOptions(text)).toMatchObject(want);
  });

  it.each(['etcd.qbs=20', 'etcd.qps=-1', 'etcd.qps=many', 'etcd.qps', 'consul.address=x'])('refuses "%s"', (text) => {
    expect(() => parseKvstoreOptions(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
