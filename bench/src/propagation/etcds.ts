import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestEtcd, tempDir } from '@clustermesh/testkit';

import type { Endpoint } from '../../floors/etcd.ts';

/** A real etcd with mutual TLS, and how its clients reach it. */
export interface BenchEtcd {
  readonly etcd: TestEtcd;
  readonly endpoint: Endpoint;
  /** The same as the file of Go's etcd client, which the programs read (protocol.md §6.7). */
  readonly clientFile: string;
}

const user = 'bench';

/** Its CA, data and files are its own. It knows one user, who may do everything: our programs write into no etcd without users. */
export async function startEtcd(
  stack: AsyncDisposableStack,
  name: string,
  flags: readonly string[] = [],
): Promise<BenchEtcd> {
  const dir = stack.use(await tempDir(`bench-${name}`));
  const etcd = stack.use(await TestEtcd.start({ tls: true, flags }));
  const { certFile: cert, keyFile: key } = await etcd.ca.issue({ commonName: user });
  await etcd.enableAuth([{ user, read: [] }]);
  await etcd.ctl('user', 'grant-role', user, 'root');
  const endpoint = { url: etcd.endpoint, tls: { ca: etcd.ca.certFile, cert, key } };
  const clientFile = [
    `endpoints: ["${endpoint.url}"]`,
    `trusted-ca-file: ${endpoint.tls.ca}`,
    `cert-file: ${cert}`,
    `key-file: ${key}`,
  ].join('\n');
  await writeFile(join(dir.path, 'etcd-config.yaml'), `${clientFile}\n`);
  return { etcd, endpoint, clientFile };
}
