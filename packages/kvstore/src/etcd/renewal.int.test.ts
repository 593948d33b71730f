import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { FaultProxy, TestCa, TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import type { CertificateFiles } from '@clustermesh/testkit';

import type { KvOp, KvStore } from '../kv-store.ts';
import { connectEtcd } from './connect.ts';
import type { EtcdUse } from './connect.ts';
import type { EtcdKvStore } from './etcd-kv-store.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const { signal } = new AbortController();
const put = (key: string): KvOp => ({ kind: 'put', key, value: Buffer.from('1') });

/**
 * A client whose certificates are files, through a proxy that counts its connections. What it connected with shows in what
 * it may do: `first` reads `p/`, `second` reads `q/` as well.
 */
describe('certificates that are renewed while the program runs', () => {
  let stack: AsyncDisposableStack;
  let etcd: TestEtcd;
  let proxy: FaultProxy;
  let folder: string;
  const file = (name: string): string => join(folder, name);

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    folder = stack.use(await tempDir('renewal')).path;
    etcd = stack.use(await TestEtcd.start({ tls: true }));
    proxy = stack.use(await FaultProxy.listen(etcd.port));
    await etcd.enableAuth([
      { user: 'first', read: [['p/', 'p0']] },
      { user: 'second', read: [['p/', 'q0']] },
    ]);
    await writeFile(file('ca.crt'), etcd.ca.cert);
    await renew(await etcd.ca.issue({ commonName: 'first' }));
  });
  afterEach(async () => {
    await stack.disposeAsync();
  });

  async function renew({ cert, key }: CertificateFiles): Promise<void> {
    await writeFile(file('tls.crt'), cert);
    await writeFile(file('tls.key'), key);
  }

  async function connect(use: EtcdUse = { session: false }): Promise<EtcdKvStore> {
    const tls = { ca: file('ca.crt'), cert: file('tls.crt'), key: file('tls.key') };
    const config = { endpoints: [`https://127.0.0.1:${proxy.port}`], tls, hostAliases: new Map<string, string[]>() };
    return stack.use(await connectEtcd(config, use, deps, signal));
  }

  /** As root, by a way of its own. */
  async function writer(): Promise<EtcdKvStore> {
    const { certFile, keyFile } = await etcd.ca.issue({ commonName: 'root' });
    const tls = { ca: etcd.ca.certFile, cert: certFile, key: keyFile };
    const config = { endpoints: [etcd.endpoint], tls, hostAliases: new Map<string, string[]>() };
    return stack.use(await connectEtcd(config, { session: false }, deps, signal));
  }

  async function isSecond(kv: KvStore): Promise<boolean> {
    return kv.get('q/', signal).then(
      () => true,
      () => false,
    );
  }

  it('leave the watches alone that run: no event is lost, and none is watched anew', async () => {
    const [reader, root] = [await connect(), await writer()];
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { phase, events } of reader.watch('p/', {}, signal)) {
        seen.push(...(phase === 'list-done' ? ['listed'] : events.map(({ key }) => key)));
      }
    })();
    await eventually(() => expect(seen).toEqual(['listed']));
    const keys = Array.from({ length: 300 }, (_, index) => `p/${index}`);
    for (const [index, key] of keys.entries()) {
      await root.commit([put(key)], signal);
      if (index === 100) await renew(await etcd.ca.issue({ commonName: 'second' }));
      if (index === 150) await writeFile(file('ca.crt'), Buffer.concat([etcd.ca.cert, etcd.ca.cert]));
      if (index === 200) await replaceServer(await etcd.ca.issue(serverLeaf));
    }
    await eventually(() => expect(seen).toHaveLength(301));
    expect(seen).toEqual(['listed', ...keys]);
    expect(proxy.accepted).toBe(1);
    expect(await isSecond(reader)).toBe(false);

    proxy.cut();
    await expect(watching).rejects.toMatchObject({ code: 'KV_UNAVAILABLE' });
    await eventually(async () => expect(await isSecond(reader)).toBe(true));
  });

  it('that are half written keep the former ones in use until they are whole', async () => {
    const kv = await connect();
    const second = await etcd.ca.issue({ commonName: 'second' });
    await writeFile(file('tls.crt'), second.cert);
    proxy.cut();
    await eventually(() => kv.get('p/', signal));
    expect(await isSecond(kv)).toBe(false);
    await writeFile(file('tls.key'), '');
    await writeFile(file('ca.crt'), 'half');
    proxy.cut();
    await eventually(() => kv.get('p/', signal));
    await writeFile(file('tls.key'), second.key);
    await writeFile(file('ca.crt'), etcd.ca.cert);
    proxy.cut();
    await eventually(async () => expect(await isSecond(kv)).toBe(true));
  });

  it('let a server with a certificate of another authority in as soon as the CA file trusts it', async () => {
    const kv = await connect();
    const other = await TestCa.create(folder, 'Other CA');
    await replaceServer(await other.issue(serverLeaf));
    await expect(kv.get('p/', signal)).resolves.toBeUndefined();
    proxy.cut();
    await eventually(() => expect(kv.get('p/', signal)).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' }));
    await writeFile(file('ca.crt'), Buffer.concat([etcd.ca.cert, other.cert]));
    await eventually(() => kv.get('p/', signal));
  });

  it('cost a writer no lease: what it has written stays as it is', async () => {
    await renew(await etcd.ca.issue({ commonName: 'root' }));
    const kv = await connect({ session: true, leaseTtlSeconds: 60 });
    const lost: string[] = [];
    kv.onLeaseLost((keys) => lost.push(...keys));
    await kv.commit([put('p/1')], signal);
    const [leases, before] = [await etcd.leases(), await kv.get('p/1', signal)];
    await renew(await etcd.ca.issue({ commonName: 'root' }));
    proxy.cut();
    await eventually(() => kv.commit([put('p/2')], signal));
    expect(await kv.get('p/1', signal)).toEqual(before);
    expect([await etcd.leases(), lost]).toEqual([leases, []]);
  });

  const serverLeaf = { commonName: 'server', altNames: ['IP:127.0.0.1'] };
  async function replaceServer({ cert, key }: CertificateFiles): Promise<void> {
    await writeFile(etcd.server.keyFile, key);
    await writeFile(etcd.server.certFile, cert);
  }
});
