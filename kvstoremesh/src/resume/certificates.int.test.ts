import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it, jest } from '@jest/globals';
import { connectEtcd } from '@clustermesh/kvstore';
import type { EtcdClientConfig } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { TestCa, TestEtcd, tempDir } from '@clustermesh/testkit';
import type { CertificateFiles } from '@clustermesh/testkit';

import { allowRemote, openAsRoot } from '../testing/etcd-fixture.ts';
import { name } from '../testing/mesh-fixture.ts';
import { cacheKinds } from './testing/cache-server.ts';
import { SourceCluster } from './testing/source-cluster.ts';
import { Stage } from './testing/stage.ts';

jest.setTimeout(60_000);

const serverLeaf = { commonName: 'server', altNames: ['IP:127.0.0.1'] };

describe.each(cacheKinds)('certificates that change under load, and a cache in $name', (kind) => {
  it('cost no entry and no write: the client’s, the server’s, the CA, with connections that break between', async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(await tempDir('certificates')).path;
    const etcd = stack.use(await TestEtcd.start({ tls: true }));
    const cache = stack.use(await kind.start());
    await allowRemote(etcd, name('east'));
    const other = await TestCa.create(dir, 'Other CA');

    const file = (end: string): string => join(dir, end);
    const tls = { ca: file('ca.crt'), cert: file('tls.crt'), key: file('tls.key') };
    const renew = async ({ cert, key }: CertificateFiles): Promise<void> => {
      await writeFile(tls.key, key);
      await writeFile(tls.cert, cert);
    };
    const serve = async ({ cert, key }: CertificateFiles): Promise<void> => {
      await writeFile(etcd.server.keyFile, key);
      await writeFile(etcd.server.certFile, cert);
    };
    await writeFile(tls.ca, etcd.ca.cert);
    await renew(await etcd.ca.issue({ commonName: 'remote' }));

    const stage = stack.use(
      await Stage.open(
        { cache, etcd },
        {
          source: new SourceCluster('east', await openAsRoot(etcd)),
          connect: (port, signal) => {
            const config: EtcdClientConfig = { endpoints: [`https://127.0.0.1:${port}`], tls, hostAliases: new Map() };
            return connectEtcd(config, { session: false }, { clock, log, random }, signal);
          },
        },
      ),
    );
    await stage.ready();
    const { accepted } = stage.sourceProxy;

    const want: string[] = [];
    for (let at = 0; at < 150; at++) {
      await stage.source.write(stage.source.put('ip', `10.1.0.${at}`, 'load'));
      want.push(`+cilium/cache/ip/v1/east/10.1.0.${at}=load`);
      if (at === 25) await renew(await etcd.ca.issue({ commonName: 'remote' }));
      if (at === 40) await serve(await etcd.ca.issue(serverLeaf));
      if (at === 50) expect(stage.sourceProxy.accepted).toBe(accepted);
      if (at === 60) stage.sourceProxy.cut();
      if (at === 75) await writeFile(tls.ca, Buffer.concat([etcd.ca.cert, other.cert]));
      if (at === 90) await serve(await other.issue(serverLeaf));
      if (at === 100) stage.sourceProxy.cut();
      if (at === 125) await writeFile(tls.ca, other.cert);
      if (at === 130) stage.sourceProxy.cut();
    }
    await stage.expectWritten(want);
    expect(stage.sourceProxy.accepted).toBeGreaterThanOrEqual(accepted + 3);
  });
});
