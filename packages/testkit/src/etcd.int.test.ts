import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { TestEtcd } from './etcd.ts';

jest.setTimeout(30_000);

describe('TestEtcd', () => {
  let etcd: TestEtcd;
  beforeAll(async () => {
    etcd = await TestEtcd.start();
  });
  afterAll(() => etcd[Symbol.asyncDispose]());

  it('keeps its data over kill and restart', async () => {
    await etcd.ctl('put', 'key', 'value');
    await etcd.kill();
    await etcd.restart();
    expect(await etcd.ctl('get', 'key', '--print-value-only')).toBe('value\n');
  });

  it('comes back with data that was put by, as the same cluster', async () => {
    const before = await clusterId(etcd);
    await etcd.ctl('put', 'key', 'old');
    await etcd.keep();
    await etcd.ctl('put', 'key', 'new');
    await etcd.restart({ kept: true });
    expect(await etcd.ctl('get', 'key', '--print-value-only')).toBe('old\n');
    expect(await clusterId(etcd)).toBe(before);
  });

  it('is the same cluster without data after a wipe', async () => {
    const before = await clusterId(etcd);
    await etcd.restart({ wipe: true });
    expect(await etcd.ctl('get', 'key')).toBe('');
    expect(await clusterId(etcd)).toBe(before);
  });
});

describe('TestEtcd with TLS and users', () => {
  it('lets a user read its ranges only', async () => {
    await using etcd = await TestEtcd.start({ tls: true });
    await etcd.enableAuth([{ user: 'reader', read: [['a/', 'a0']] }]);
    const { certFile, keyFile } = await etcd.ca.issue({ commonName: 'reader' });
    const as = ['--cert', certFile, '--key', keyFile];
    await expect(etcd.ctl(...as, 'get', 'a/', '--prefix')).resolves.toBe('');
    await expect(etcd.ctl(...as, 'get', 'b/', '--prefix')).rejects.toThrow('permission denied');
  });
});

async function clusterId(etcd: TestEtcd): Promise<string | undefined> {
  const status = await etcd.ctl('endpoint', 'status', '-w', 'json');
  return /"cluster_id":(\d+)/.exec(status)?.[1];
}
