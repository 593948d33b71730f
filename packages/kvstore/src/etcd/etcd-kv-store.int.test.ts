import { afterAll, beforeAll, jest } from '@jest/globals';
import { silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { FaultProxy, TestEtcd } from '@clustermesh/testkit';

import { kvStoreConformance } from '../kv-store.conformance.ts';
import { EtcdKvStore } from './etcd-kv-store.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const { signal } = new AbortController();
let etcd: TestEtcd;

beforeAll(async () => {
  etcd = await TestEtcd.start();
});
afterAll(() => etcd[Symbol.asyncDispose]());

kvStoreConformance('EtcdKvStore', async () => {
  const proxy = await FaultProxy.listen(etcd.port);
  const opened: EtcdKvStore[] = [];
  const open = async (): Promise<EtcdKvStore> => {
    const endpoints = [`http://127.0.0.1:${proxy.port}`];
    const store = await EtcdKvStore.open({ endpoints, session: true, pageSize: 4 }, deps, signal);
    opened.push(store);
    return store;
  };
  const store = await open();
  return {
    store,
    another: open,
    compact: () => etcd.compact(),
    wipe: () => etcd.restart({ wipe: true }),
    disconnect: async () => proxy.cut(),
    revokeLeases: () => etcd.revokeLeases(),
    tooLarge: new Uint8Array(2_000_000),
    [Symbol.asyncDispose]: async () => {
      await etcd.ctl('del', '', '--prefix');
      for (const client of opened) await client[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
});
