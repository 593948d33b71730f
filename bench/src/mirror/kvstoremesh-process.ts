import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { imageEnv, imageFlags } from '@clustermesh/lab';
import { TestProcess, freePort } from '@clustermesh/testkit';

import { processMs } from '../foreign-load.ts';
import { until } from '../propagation/programs.ts';

/** Of a process, read from /proc. */
export interface ProcessUse {
  readonly rssMib: number;
  readonly peakRssMib: number;
  /** On a processor, since it was started. */
  readonly cpuMs: number;
  /** Read from files and sockets, since it was started. */
  readonly readBytes: number;
}

/** What of Cilium's RemoteCluster is looked at. */
interface RemoteStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly 'num-failures': number;
}

/** How it is started, other than by default. */
export interface KvstoremeshStart {
  readonly flags?: Readonly<Record<string, string | number>>;
  /** A module that is loaded before the program. */
  readonly preload?: string;
}

const main = fileURLToPath(new URL('../../../kvstoremesh/src/main.ts', import.meta.url));
const deadlineMs = 120_000;

/** kvstoremesh as the program that it is, with a folder of remote clusters. */
export class KvstoremeshProcess implements AsyncDisposable {
  readonly #process: TestProcess;
  readonly #remotes: string;
  readonly #healthPort: number;

  private constructor(process: TestProcess, remotes: string, healthPort: number) {
    this.#process = process;
    this.#remotes = remotes;
    this.#healthPort = healthPort;
  }

  /** `dir` is for its files; `clientFile` is of its own etcd. */
  static async start(
    dir: string,
    clientFile: string,
    signal: AbortSignal,
    { flags: more = {}, preload }: KvstoremeshStart = {},
  ): Promise<KvstoremeshProcess> {
    const remotes = join(dir, 'clustermesh');
    const etcdConfig = join(dir, 'etcd-config.yaml');
    await mkdir(remotes, { recursive: true });
    await writeFile(etcdConfig, clientFile);
    const healthPort = await freePort();
    const flags = {
      'cluster-name': 'bench',
      'cluster-id': 255,
      'clustermesh-config': remotes,
      'etcd-config': etcdConfig,
      'enable-heartbeat': 'true',
      'health-host': '127.0.0.1',
      'health-port': healthPort,
      'api-serve-addr': '',
      ...more,
    };
    // `env` becomes the program: the process id is kvstoremesh's.
    const program = new TestProcess('env', [
      ...imageEnv('kvstoremesh/src/main.ts'),
      process.execPath,
      '--conditions=mesh-source',
      ...imageFlags('kvstoremesh/src/main.ts'),
      ...(process.env['BENCH_NODE_OPTIONS']?.split(' ') ?? []),
      ...(preload === undefined ? [] : [`--import=${preload}`]),
      main,
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    ]);
    const started = new KvstoremeshProcess(program, remotes, healthPort);
    await started.#until('ready', signal, async () =>
      (await started.#get('/readyz')) === undefined ? 'no' : undefined,
    );
    return started;
  }

  /** As a Secret volume would show them: each file is there at once. */
  async connect(clientFiles: ReadonlyMap<string, string>): Promise<void> {
    for (const [name, text] of clientFiles) {
      const hidden = join(this.#remotes, `..${name}`);
      await writeFile(hidden, text);
      await rename(hidden, join(this.#remotes, name));
    }
  }

  /** Until every remote cluster was lost since `failures` was taken, and is ready again. */
  async reconnected(failures: ReadonlyMap<string, number>, signal: AbortSignal): Promise<void> {
    await this.#until('ready again', signal, async () => {
      const clusters = await this.#clusters();
      const waiting = clusters.filter(
        (cluster) => !cluster.ready || cluster['num-failures'] <= (failures.get(cluster.name) ?? 0),
      );
      return waiting.length === 0 ? undefined : waiting.map(({ name }) => name).join(', ');
    });
  }

  /** Until all are mirrored; there are no others. */
  async mirrored(clusters: number, signal: AbortSignal): Promise<void> {
    const missing = async (): Promise<string | undefined> => {
      const ready = (await this.#clusters()).filter((cluster) => cluster.ready).length;
      return ready === clusters ? undefined : `${ready} of ${clusters} are ready`;
    };
    // The answer is long, and the program has better things to do.
    await this.#until('mirrored', signal, missing, 500);
  }

  /** Keys that wait to be written, of all kinds and clusters. */
  async queued(): Promise<number> {
    const text = (await this.#get('/metrics')) ?? '';
    return [...text.matchAll(/^cilium_kvstoremesh_kvstore_sync_queue_size\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  }

  async failures(): Promise<ReadonlyMap<string, number>> {
    return new Map((await this.#clusters()).map((cluster) => [cluster.name, cluster['num-failures']]));
  }

  use(): ProcessUse {
    const proc = `/proc/${this.#process.pid ?? 0}`;
    const status = readFileSync(`${proc}/status`, 'utf8');
    const mib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024;
    return {
      rssMib: mib('VmRSS'),
      peakRssMib: mib('VmHWM'),
      cpuMs: processMs(readFileSync(`${proc}/stat`, 'latin1')),
      readBytes: Number(/^rchar: (\d+)/m.exec(readFileSync(`${proc}/io`, 'utf8'))?.[1]),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.end('SIGTERM');
  }

  async #clusters(): Promise<readonly RemoteStatus[]> {
    return JSON.parse((await this.#get('/v1/cluster')) ?? '[]') as readonly RemoteStatus[];
  }

  async #get(path: string): Promise<string | undefined> {
    const response = await fetch(`http://127.0.0.1:${this.#healthPort}${path}`).catch(() => undefined);
    return response?.ok === true ? response.text() : undefined;
  }

  #until(what: string, signal: AbortSignal, missing: () => Promise<string | undefined>, pollMs = 50): Promise<void> {
    const asked = async (): Promise<string | undefined> => {
      if (this.#process.exited) throw new Error(`kvstoremesh ended:\n${this.#process.output}`);
      return missing();
    };
    return until(what, signal, asked, { pollMs, deadlineMs });
  }
}
