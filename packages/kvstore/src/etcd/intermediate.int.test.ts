import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeError, silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { TestCa, TestEtcd, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import { connectEtcd } from './connect.ts';
import { explainEtcdFailure } from './explain-failure.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const { signal } = new AbortController();
const serverLeaf = { commonName: 'server', altNames: ['IP:127.0.0.1'] };

type Authorities = 'root' | 'intermediate' | 'both' | 'another';

/** etcd trusts its root alone, and reads its own certificate at each handshake. */
describe('certificates of an intermediate authority', () => {
  let etcd: TestEtcd;
  let intermediate: TestCa;
  let another: TestCa;
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir('intermediate');
    etcd = await TestEtcd.start({ tls: true });
    intermediate = await etcd.ca.intermediate('Test Intermediate');
    another = await TestCa.create(dir.path, 'Other CA');
  });
  afterAll(async () => {
    await etcd[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** Undefined when connected; else the one line that says why not. */
  async function connect(trusts: Authorities, client: { readonly cert: Buffer; readonly key: Buffer }) {
    const pems = { root: [etcd.ca.cert], intermediate: [intermediate.cert], another: [another.cert] };
    const bundle = { ...pems, both: [etcd.ca.cert, intermediate.cert] }[trusts];
    const file = (name: string): string => join(dir.path, name);
    await writeFile(file('ca.crt'), Buffer.concat(bundle));
    await writeFile(file('tls.crt'), client.cert);
    await writeFile(file('tls.key'), client.key);
    const tls = { ca: file('ca.crt'), cert: file('tls.crt'), key: file('tls.key') };
    const config = { endpoints: [etcd.endpoint], tls, hostAliases: new Map<string, string[]>() };
    try {
      await using kv = await connectEtcd(config, { session: false }, deps, signal);
      await kv.get('a', signal);
      return undefined;
    } catch (error) {
      return describeError(await explainEtcdFailure(config, error, deps, signal));
    }
  }

  it.each<{ server: 'chain' | 'leaf'; trusts: Authorities; says?: RegExp }>([
    { server: 'chain', trusts: 'root' },
    { server: 'chain', trusts: 'both' },
    { server: 'chain', trusts: 'intermediate' },
    { server: 'leaf', trusts: 'both' },
    { server: 'leaf', trusts: 'intermediate' },
    {
      server: 'leaf',
      trusts: 'root',
      says: /CN=Test Intermediate.*trusted: CN=Test CA.*must send its certificate, too/,
    },
    { server: 'chain', trusts: 'another', says: /is not signed by a CA of the trusted CA file.*trusted: CN=Other CA/ },
  ])('of a server that sends the $server, to a client that trusts $trusts', async ({ server, trusts, says }) => {
    const { cert, certFile, keyFile } = await intermediate.issue(serverLeaf);
    await copyFile(keyFile, etcd.server.keyFile);
    if (server === 'chain') await copyFile(certFile, etcd.server.certFile);
    else await writeFile(etcd.server.certFile, leafOf(cert));
    const failure = await connect(trusts, await etcd.ca.issue({ commonName: 'reader' }));
    if (says === undefined) expect(failure).toBeUndefined();
    else expect(failure).toMatch(says);
  });

  it('of a client are taken as a chain, and refused without it, with advice', async () => {
    const { certFile, keyFile } = await etcd.ca.issue(serverLeaf);
    await copyFile(keyFile, etcd.server.keyFile);
    await copyFile(certFile, etcd.server.certFile);
    const client = await intermediate.issue({ commonName: 'reader' });
    expect(await connect('root', client)).toBeUndefined();
    expect(await connect('root', { cert: leafOf(client.cert), key: client.key })).toMatch(
      /refuses the client certificate CN=reader.*where that is an intermediate authority.*must follow/,
    );
  });
});

/** The first certificate of a chain. */
function leafOf(pem: Buffer): Buffer {
  const end = '-----END CERTIFICATE-----\n';
  const text = pem.toString();
  return Buffer.from(text.slice(0, text.indexOf(end) + end.length));
}
