import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { TestProcess } from './test-process.ts';
import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';
import type { TempDir } from './temp-dir.ts';
import { TestCa } from './test-certificates.ts';
import type { CertificateFiles } from './test-certificates.ts';

const run = promisify(execFile);

export interface TestEtcdOptions {
  /** Mutual TLS with client certificates as users; `etcd.ca` then issues the clients'. Default plain TCP. */
  readonly tls?: boolean;
  /** More of etcd's flags. */
  readonly flags?: readonly string[];
}

/** A role and the key ranges `[from, to)` that it may read. */
export interface TestRole {
  readonly user: string;
  readonly read: readonly (readonly [from: string, to: string])[];
}

interface Tls {
  readonly ca: TestCa;
  readonly server: CertificateFiles;
  readonly root: CertificateFiles;
}

interface Layout {
  readonly port: number;
  readonly peerPort: number;
  readonly dir: TempDir;
  readonly tls: Tls | undefined;
  readonly flags: readonly string[];
}

/** A real etcd of its own on loopback, with its data in a temporary directory. */
export class TestEtcd implements AsyncDisposable {
  readonly #layout: Layout;
  readonly #token = randomUUID();
  #process: TestProcess | undefined;

  private constructor(layout: Layout) {
    this.#layout = layout;
  }

  static async start(options: TestEtcdOptions = {}): Promise<TestEtcd> {
    const dir = await tempDir('etcd');
    const tls = options.tls === true ? await makeTls(dir.path) : undefined;
    for (let attempt = 1; ; attempt++) {
      const [port, peerPort] = [await freePort(), await freePort()];
      const etcd = new TestEtcd({ port, peerPort, dir, tls, flags: options.flags ?? [] });
      try {
        await etcd.restart();
        return etcd;
      } catch (error) {
        // Somebody may have taken a port between the look and the use.
        if (attempt === 3) throw error;
      }
    }
  }

  get port(): number {
    return this.#layout.port;
  }

  get endpoint(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** Of the clients' and the server's certificates. */
  get ca(): TestCa {
    return this.#tls.ca;
  }

  /** The server's own: etcd reads these files at each handshake. */
  get server(): CertificateFiles {
    return this.#tls.server;
  }

  /**
   * Starts it, again after `stop` or `kill`; by `wipe` without its data but as the same cluster (same token), by `kept`
   * with the data that `keep` has put by.
   */
  async restart({ wipe = false, kept = false } = {}): Promise<void> {
    await this.kill();
    if (wipe || kept) await rm(this.#dataDir, { recursive: true, force: true });
    if (kept) await cp(this.#keptDir, this.#dataDir, { recursive: true });
    const child = new TestProcess('etcd', this.#arguments());
    this.#process = child;
    await child.printed('serving client traffic');
  }

  /** Puts a copy of its data by, as of one moment; it goes on. */
  async keep(): Promise<void> {
    await rm(this.#keptDir, { recursive: true, force: true });
    await this.#process?.frozen(() => cp(this.#dataDir, this.#keptDir, { recursive: true }));
  }

  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** etcdctl against this server, as root; what it printed. */
  async ctl(...args: readonly string[]): Promise<string> {
    const tls = this.#layout.tls;
    const files =
      tls === undefined ? [] : ['--cacert', tls.ca.certFile, '--cert', tls.root.certFile, '--key', tls.root.keyFile];
    const env = { ...process.env, ETCDCTL_API: '3' };
    const { stdout } = await run('etcdctl', ['--endpoints', this.endpoint, ...files, ...args], { env });
    return stdout;
  }

  async revision(): Promise<bigint> {
    const [status] = JSON.parse(await this.ctl('endpoint', 'status', '-w', 'json')) as [
      { Status: { header: { revision: number } } },
    ];
    return BigInt(status.Status.header.revision);
  }

  async compact(revision?: bigint): Promise<void> {
    await this.ctl('compact', String(revision ?? (await this.revision())));
  }

  /** Ids in hex of all leases. */
  async leases(): Promise<string[]> {
    const text = await this.ctl('lease', 'list');
    return text.split('\n').filter((line) => /^[0-9a-f]{8,}$/.test(line));
  }

  /** Takes every lease and its keys away from under its owner. */
  async revokeLeases(): Promise<void> {
    for (const lease of await this.leases()) await this.ctl('lease', 'revoke', lease);
  }

  /** Adds users (certificate common names) with one role each and turns authorisation on. Needs TLS. */
  async enableAuth(roles: readonly TestRole[]): Promise<void> {
    await this.ctl('user', 'add', 'root', '--no-password');
    await this.ctl('user', 'grant-role', 'root', 'root');
    for (const { user, read } of roles) {
      await this.ctl('role', 'add', user);
      for (const [from, to] of read) await this.ctl('role', 'grant-permission', user, 'read', from, to);
      await this.ctl('user', 'add', user, '--no-password');
      await this.ctl('user', 'grant-role', user, user);
    }
    await this.ctl('auth', 'enable');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#layout.dir[Symbol.asyncDispose]();
  }

  get #tls(): Tls {
    if (this.#layout.tls === undefined) throw new Error('this etcd has no TLS');
    return this.#layout.tls;
  }

  get #dataDir(): string {
    return join(this.#layout.dir.path, 'data');
  }

  get #keptDir(): string {
    return join(this.#layout.dir.path, 'kept');
  }

  get #scheme(): string {
    return this.#layout.tls === undefined ? 'http' : 'https';
  }

  #arguments(): string[] {
    const peer = `http://127.0.0.1:${this.#layout.peerPort}`;
    return [
      ...['--name', 'test', '--data-dir', this.#dataDir, '--unsafe-no-fsync', '--logger', 'zap'],
      ...['--log-outputs', 'stderr', '--listen-client-urls', this.endpoint, '--advertise-client-urls', this.endpoint],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
      ...['--initial-cluster-token', this.#token, ...tlsFlags(this.#layout.tls), ...this.#layout.flags],
    ];
  }
}

function tlsFlags(tls: Tls | undefined): string[] {
  if (tls === undefined) return [];
  return [
    ...['--cert-file', tls.server.certFile, '--key-file', tls.server.keyFile],
    ...['--client-cert-auth', '--trusted-ca-file', tls.ca.certFile],
  ];
}

async function makeTls(dir: string): Promise<Tls> {
  const ca = await TestCa.create(dir);
  const server = await ca.issue({ commonName: 'server', altNames: ['IP:127.0.0.1', 'DNS:localhost', 'DNS:etcd.test'] });
  return { ca, server, root: await ca.issue({ commonName: 'root' }) };
}
