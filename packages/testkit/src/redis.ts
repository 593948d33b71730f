import { execFile } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';
import type { TempDir } from './temp-dir.ts';
import { TestCa } from './test-certificates.ts';
import type { CertificateFiles } from './test-certificates.ts';
import { TestProcess } from './test-process.ts';

const run = promisify(execFile);

export interface TestRedisOptions {
  /** TLS only, with client certificates asked for; `redis.ca` then issues the clients'. Default plain TCP. */
  readonly tls?: boolean;
  /** It copies the one at this port, until somebody makes it the primary. */
  readonly replicaOf?: number;
  /** More lines of its configuration: `maxmemory 3mb`. */
  readonly config?: readonly string[];
}

interface Tls {
  readonly ca: TestCa;
  readonly server: CertificateFiles;
}

interface Layout {
  readonly port: number;
  readonly dir: TempDir;
  readonly tls: Tls | undefined;
  readonly config: readonly string[];
}

/** A real redis-server of its own on loopback, with an append-only file in a temporary directory. */
export class TestRedis implements AsyncDisposable {
  readonly #layout: Layout;
  #process: TestProcess | undefined;

  private constructor(layout: Layout) {
    this.#layout = layout;
  }

  static async start(options: TestRedisOptions = {}): Promise<TestRedis> {
    const dir = await tempDir('redis');
    const tls = options.tls === true ? await makeTls(dir.path) : undefined;
    for (let attempt = 1; ; attempt++) {
      const { config = [], replicaOf } = options;
      const copies = replicaOf === undefined ? [] : [`replicaof 127.0.0.1 ${replicaOf}`];
      const redis = new TestRedis({ port: await freePort(), dir, tls, config: [...copies, ...config] });
      try {
        await redis.restart();
        return redis;
      } catch (error) {
        // Somebody may have taken the port between the look and the use.
        if (attempt === 3) throw error;
      }
    }
  }

  get port(): number {
    return this.#layout.port;
  }

  get url(): string {
    return `${this.#layout.tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${this.port}`;
  }

  /** Of the clients' and the server's certificates. */
  get ca(): TestCa {
    if (this.#layout.tls === undefined) throw new Error('this redis has no TLS');
    return this.#layout.tls.ca;
  }

  get server(): CertificateFiles {
    if (this.#layout.tls === undefined) throw new Error('this redis has no TLS');
    return this.#layout.tls.server;
  }

  /** Starts it, again after `kill`; by `wipe` without its data, by `kept` with what `keep` has put by. */
  async restart({ wipe = false, kept = false } = {}): Promise<void> {
    await this.kill();
    const { path } = this.#layout.dir;
    if (wipe || kept) await rm(this.#dataDir, { recursive: true, force: true });
    if (kept) await cp(this.#keptDir, this.#dataDir, { recursive: true });
    await writeFile(join(path, 'redis.conf'), this.#config().join('\n'));
    this.#process = new TestProcess('redis-server', [join(path, 'redis.conf')]);
    await this.#process.printed('Ready to accept connections');
  }

  /** Puts a copy of its data by, as of one moment; it goes on. */
  async keep(): Promise<void> {
    await rm(this.#keptDir, { recursive: true, force: true });
    await this.#process?.frozen(() => cp(this.#dataDir, this.#keptDir, { recursive: true }));
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** redis-cli against this server, as the default user; what it printed. An error that was answered is thrown. */
  async cli(...args: readonly string[]): Promise<string> {
    const { tls } = this.#layout;
    const secure = tls === undefined ? [] : ['--tls', '--cacert', tls.ca.certFile, ...clientFiles(tls.server)];
    const { stdout } = await run('redis-cli', ['-e', '-p', String(this.port), ...secure, ...args]);
    return stdout.trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#layout.dir[Symbol.asyncDispose]();
  }

  get #dataDir(): string {
    return join(this.#layout.dir.path, 'appendonlydir');
  }

  get #keptDir(): string {
    return join(this.#layout.dir.path, 'kept');
  }

  #config(): string[] {
    const { port, dir, tls, config } = this.#layout;
    const listen =
      tls === undefined
        ? [`port ${port}`]
        : [
            ...['port 0', `tls-port ${port}`, 'tls-replication yes', `tls-ca-cert-file ${tls.ca.certFile}`],
            ...[`tls-cert-file ${tls.server.certFile}`, `tls-key-file ${tls.server.keyFile}`],
          ];
    return [
      `dir ${dir.path}`,
      'bind 127.0.0.1',
      'appendonly yes',
      'appendfsync always',
      'save ""',
      ...listen,
      ...config,
    ];
  }
}

function clientFiles({ certFile, keyFile }: CertificateFiles): string[] {
  return ['--cert', certFile, '--key', keyFile];
}

async function makeTls(dir: string): Promise<Tls> {
  const ca = await TestCa.create(dir);
  return { ca, server: await ca.issue({ commonName: 'redis', altNames: ['IP:127.0.0.1', 'DNS:localhost'] }) };
}
