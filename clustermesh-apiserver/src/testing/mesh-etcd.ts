import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { EtcdKvStore } from '@clustermesh/kvstore';
import type { EtcdTls } from '@clustermesh/kvstore';
import { seededRandom, silentLogger, systemClock } from '@clustermesh/runtime';
import { TestCa, TestProcess, freePort, tempDir } from '@clustermesh/testkit';
import type { CertificateFiles } from '@clustermesh/testkit';

import { etcdinitConfig } from '../etcdinit/config.ts';
import { etcdinit } from '../etcdinit/etcdinit.ts';

const deps = { clock: systemClock, random: seededRandom(1), log: silentLogger };

/** A cluster's etcd as it runs in a mesh: set up by etcdinit, then served with mutual TLS. */
export class MeshEtcd implements AsyncDisposable {
  readonly endpoint: string;
  readonly dir: string;
  readonly ca: TestCa;
  readonly server: CertificateFiles;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    endpoint: string,
    dir: string,
    { ca, server }: { readonly ca: TestCa; readonly server: CertificateFiles },
    stack: AsyncDisposableStack,
  ) {
    this.endpoint = endpoint;
    this.dir = dir;
    this.ca = ca;
    this.server = server;
    this.#stack = stack;
  }

  static async start(cluster: string): Promise<MeshEtcd> {
    const stack = new AsyncDisposableStack();
    const { path } = stack.use(await tempDir('mesh-etcd'));
    const [port, peerPort] = [await freePort(), await freePort()];
    await etcdinit(
      etcdinitConfig.load({ argv: initArguments(cluster, join(path, 'data'), port, peerPort), env: {} }),
      deps,
      AbortSignal.timeout(60_000),
    );
    const ca = await TestCa.create(path);
    const certificate = await ca.issue({ commonName: 'server', altNames: ['IP:127.0.0.1'] });
    const { certFile, keyFile } = certificate;
    const endpoint = `https://127.0.0.1:${port}`;
    const server = new TestProcess('etcd', [
      ...['--data-dir', join(path, 'data'), '--name', 'clustermesh-apiserver', '--unsafe-no-fsync', '--logger', 'zap'],
      ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint],
      ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`, '--log-outputs', 'stderr'],
      ...['--client-cert-auth', '--trusted-ca-file', ca.certFile, '--cert-file', certFile, '--key-file', keyFile],
    ]);
    stack.defer(() => server.end('SIGKILL'));
    await server.printed('serving client traffic');
    return new MeshEtcd(endpoint, path, { ca, server: certificate }, stack);
  }

  /** PEM of a client whose certificate's common name is `user`. */
  async credentials(user: string): Promise<EtcdTls> {
    const { cert, key } = await this.ca.issue({ commonName: user });
    return { ca: this.ca.cert, cert, key };
  }

  /** Closed together with the server. */
  async open(user: string, { session }: { readonly session: boolean }): Promise<EtcdKvStore> {
    const options = { endpoints: [this.endpoint], tls: await this.credentials(user), session };
    return this.#stack.use(await EtcdKvStore.open(options, deps, AbortSignal.timeout(10_000)));
  }

  /** etcdctl as root; what it printed. */
  async ctl(...args: readonly string[]): Promise<string> {
    const { certFile, keyFile } = await this.ca.issue({ commonName: 'root' });
    const files = ['--cacert', this.ca.certFile, '--cert', certFile, '--key', keyFile];
    const { stdout } = await promisify(execFile)('etcdctl', ['--endpoints', this.endpoint, ...files, ...args]);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export function initArguments(cluster: string, dataDir: string, port: number, peerPort: number): string[] {
  return [
    ...['--cluster-name', cluster, '--etcd-data-dir', dataDir],
    ...['--etcd-client-url', `http://127.0.0.1:${port}`, '--etcd-peer-url', `http://127.0.0.1:${peerPort}`],
  ];
}
