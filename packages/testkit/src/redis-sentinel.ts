import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from './free-port.ts';
import type { TestRedis } from './redis.ts';
import { tempDir } from './temp-dir.ts';
import type { TempDir } from './temp-dir.ts';
import { TestProcess } from './test-process.ts';

const run = promisify(execFile);

export interface TestSentinelOptions {
  /** Where the primary is at first. */
  readonly primaryPort: number;
  /** After so long without an answer a replica becomes the primary. Default: never in a test. */
  readonly downAfterMs?: number;
  /** Whose certificates it has too. Default: plain TCP. */
  readonly tls?: TestRedis;
  /** More lines of its configuration: `requirepass x`. */
  readonly config?: readonly string[];
}

const primaryName = 'mesh';

/** A real Sentinel that decides alone. */
export class TestSentinel implements AsyncDisposable {
  readonly port: number;
  readonly #dir: TempDir;
  readonly #process: TestProcess;

  private constructor(port: number, dir: TempDir, process: TestProcess) {
    this.port = port;
    this.#dir = dir;
    this.#process = process;
  }

  static async start({
    primaryPort,
    downAfterMs = 600_000,
    tls,
    config = [],
  }: TestSentinelOptions): Promise<TestSentinel> {
    const [port, dir] = [await freePort(), await tempDir('sentinel')];
    const path = join(dir.path, 'sentinel.conf');
    const lines = [
      ...[`dir ${dir.path}`, 'bind 127.0.0.1', ...listen(port, tls)],
      `sentinel monitor ${primaryName} 127.0.0.1 ${primaryPort} 1`,
      `sentinel down-after-milliseconds ${primaryName} ${downAfterMs}`,
      `sentinel failover-timeout ${primaryName} 2000`,
    ];
    await writeFile(path, [...lines, ...config].join('\n'));
    const process = new TestProcess('redis-server', [path, '--sentinel']);
    await process.printed('+monitor master');
    return new TestSentinel(port, dir, process);
  }

  /** What a store is told: these Sentinels in their order, and the name of what they watch. */
  static url(scheme: 'redis' | 'rediss', ports: readonly number[]): string {
    return `${scheme}+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${primaryName}`;
  }

  /** How many replicas it knows. */
  async replicas(): Promise<number> {
    const { stdout } = await run('redis-cli', ['-p', String(this.port), 'SENTINEL', 'REPLICAS', primaryName]);
    return stdout.split('\n').filter((line) => line === 'name').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.end('SIGKILL');
    await this.#dir[Symbol.asyncDispose]();
  }
}

function listen(port: number, tls: TestRedis | undefined): readonly string[] {
  if (tls === undefined) return [`port ${port}`];
  const { ca, server } = tls;
  const files = [
    `tls-ca-cert-file ${ca.certFile}`,
    `tls-cert-file ${server.certFile}`,
    `tls-key-file ${server.keyFile}`,
  ];
  return ['port 0', `tls-port ${port}`, 'tls-replication yes', ...files];
}
