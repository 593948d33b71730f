import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { FaultProxy, TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import type { KvStore } from '../kv-store.ts';
import type { EtcdClientConfig } from './client-file.ts';
import { connectEtcd } from './connect.ts';
import { SharedEtcd } from './shared-etcd.ts';

jest.setTimeout(60_000);

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };

describe('SharedEtcd (I1)', () => {
  let etcd: TestEtcd;
  let dir: TempDir;
  let writer: KvStore;
  let proxy: FaultProxy;
  let config: EtcdClientConfig;
  let shared: SharedEtcd;
  let stop: AbortController;
  const opened: KvStore[] = [];
  const connect = async (to = config, signal = stop.signal): Promise<KvStore> => {
    const store = await shared.connect(to, signal);
    opened.push(store);
    return store;
  };

  beforeAll(async () => {
    etcd = await TestEtcd.start({ tls: true, flags: ['--max-concurrent-streams=250'] });
    dir = await tempDir('shared');
    const { certFile, keyFile } = await etcd.ca.issue({ commonName: 'reader' });
    const tls = { ca: join(dir.path, 'ca.crt'), cert: join(dir.path, 'tls.crt'), key: join(dir.path, 'tls.key') };
    await copyFile(etcd.ca.certFile, tls.ca);
    await copyFile(certFile, tls.cert);
    await copyFile(keyFile, tls.key);
    config = { endpoints: [etcd.endpoint], tls, hostAliases: new Map() };
    writer = await connectEtcd(config, { session: false }, deps, new AbortController().signal);
  });
  afterAll(async () => {
    await writer[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    stop = new AbortController();
    proxy = await FaultProxy.listen(etcd.port);
    config = { ...config, endpoints: [`https://127.0.0.1:${proxy.port}`] };
    shared = new SharedEtcd({ session: false }, deps);
  });
  afterEach(async () => {
    stop.abort();
    for (const store of opened.splice(0)) await store[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it('has one connection for 24 readers with the same file, and closes it with the last', async () => {
    const readers = await Promise.all(Array.from({ length: 25 }, () => connect()));
    expect(proxy.accepted).toBe(2);
    for (const reader of readers.slice(1)) await reader[Symbol.asyncDispose]();
    await expect(readers[0]?.get('a', stop.signal)).resolves.toBeUndefined();
    await readers[0]?.[Symbol.asyncDispose]();
    await expect(readers[0]?.get('a', stop.signal)).rejects.toMatchObject({ code: 'KV_UNAVAILABLE' });
  });

  it('leaves each reader its streams: a server may take no more than 250 of a connection', async () => {
    const readers = await Promise.all(Array.from({ length: 33 }, () => connect()));
    const inPlace = async (reader: KvStore, prefix: string): Promise<void> => {
      const watch = reader.watch(prefix, {}, stop.signal)[Symbol.asyncIterator]();
      for (let batch = await watch.next(); batch.done !== true && batch.value.phase !== 'live';)
        batch = await watch.next();
    };
    const kinds = Array.from({ length: 8 }, (_, index) => `kind${index}/`);
    await Promise.all(readers.flatMap((reader) => kinds.map((kind) => inPlace(reader, kind))));
    for (const reader of readers) await expect(reader.get('a', stop.signal)).resolves.toBeUndefined();
  });

  it('shares with nobody who has other endpoints, other addresses for them, or another certificate', async () => {
    await connect();
    await connect({ ...config, hostAliases: new Map([['etcd', ['127.0.0.1']]]) });
    expect(proxy.accepted).toBe(2);
    const { certFile, keyFile } = await etcd.ca.issue({ commonName: 'renewed' });
    await copyFile(certFile, config.tls?.cert ?? '');
    await copyFile(keyFile, config.tls?.key ?? '');
    await connect();
    expect(proxy.accepted).toBe(3);
  });

  it('goes on for one reader while another does not read what floods it', async () => {
    const [flooded, other] = [await connect(), await connect()];
    const flood = flooded.watch('flood/', {}, stop.signal)[Symbol.asyncIterator]();
    await flood.next();
    const heard: string[] = [];
    const follow = async (): Promise<void> => {
      for await (const { events } of other.watch('calm/', {}, stop.signal)) heard.push(...events.map(({ key }) => key));
    };
    const following = follow();
    const value = Buffer.alloc(512 * 1024);
    for (let index = 0; index < 60; index++) {
      await writer.commit([{ kind: 'put', key: `flood/${index % 4}`, value }], stop.signal);
    }
    expect(proxy.passed('down')).toBeLessThan(24 * 1024 * 1024);
    await writer.commit([{ kind: 'put', key: 'calm/a', value: Buffer.from('1') }], stop.signal);
    await eventually(() => expect(heard).toEqual(['calm/a']));
    await expect(other.get('calm/a', stop.signal)).resolves.toBeDefined();
    expect(proxy.accepted).toBe(1);
    stop.abort();
    await following;
  });

  it('gives a connection that has fallen silent to nobody else', async () => {
    const first = await connect();
    proxy.strand();
    const asking = new AbortController();
    const asked = first.get('a', asking.signal);
    asking.abort();
    await expect(asked).rejects.toThrow();
    const second = await connect();
    await expect(second.get('a', stop.signal)).resolves.toBeUndefined();
    expect(proxy.accepted).toBe(2);
  });

  it('does not take the connection from others when the one who dialled gives up', async () => {
    proxy.pause();
    const impatient = new AbortController();
    const first = connect(config, impatient.signal);
    const second = connect();
    await eventually(() => expect(proxy.accepted).toBe(1));
    impatient.abort();
    await expect(first).rejects.toMatchObject({ code: 'KV_UNAVAILABLE' });
    proxy.resume();
    await expect((await second).get('a', stop.signal)).resolves.toBeUndefined();
    expect(proxy.accepted).toBe(1);
  });
});
