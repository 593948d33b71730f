import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { imageFlags } from '@clustermesh/lab';
import { TestProcess, freePort } from '@clustermesh/testkit';

import { processMs } from '../foreign-load.ts';
import { longest, parseStalls, stallsSince } from '../restart/stalls.ts';
import { cluster } from './own-etcd.ts';

export interface ApiserverPlace {
  /** For what the probe notes. */
  readonly dir: string;
  readonly etcdConfig: string;
  readonly kubeconfig: string;
}

export interface ApiserverFigures {
  readonly maxStallMs: number;
  /** Of a stall, how long it had a processor. */
  readonly maxStallCpuMs: number;
  readonly peakRssMib: number;
  readonly cpuMs: number;
}

const main = fileURLToPath(new URL('../../../clustermesh-apiserver/src/main.ts', import.meta.url));
const probe = new URL('../restart/event-loop-probe.ts', import.meta.url);
let starts = 0;

/** The apiserver as the program that it is, with a probe preloaded that watches its event loop. */
export class ApiserverProcess implements AsyncDisposable {
  readonly #stallFile: string;
  readonly #process: TestProcess;
  /** Since when it is looked at. */
  #sinceMs = 0;
  #cpuBeforeMs = 0;

  private constructor(stallFile: string, process: TestProcess) {
    this.#stallFile = stallFile;
    this.#process = process;
  }

  static async start({ dir, etcdConfig, kubeconfig }: ApiserverPlace): Promise<ApiserverProcess> {
    const stallFile = join(dir, `stalls-${starts++}`);
    const flags = {
      'cluster-name': cluster.name,
      'cluster-id': cluster.id,
      'etcd-config': etcdConfig,
      kubeconfig,
      'health-host': '127.0.0.1',
      'health-port': await freePort(),
    };
    const program = new TestProcess(process.execPath, [
      '--conditions=mesh-source',
      ...imageFlags('clustermesh-apiserver/src/main.ts'),
      `--import=${probe.href}?file=${stallFile}`,
      main,
      'clustermesh',
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    ]);
    return new ApiserverProcess(stallFile, program);
  }

  /** From now on it is looked at: before, it loads modules, which nothing can be waiting for. */
  begin(): void {
    this.#sinceMs = Date.now();
    this.#cpuBeforeMs = this.#cpuMs();
  }

  figures(): ApiserverFigures {
    const stalls = stallsSince(parseStalls(readFileSync(this.#stallFile, 'utf8')), this.#sinceMs);
    return {
      maxStallMs: longest(stalls, ({ ms }) => ms),
      maxStallCpuMs: longest(stalls, ({ cpuMs }) => cpuMs),
      peakRssMib: Number(/^VmHWM:\s+(\d+) kB/m.exec(this.#proc('status'))?.[1]) / 1_024,
      cpuMs: this.#cpuMs() - this.#cpuBeforeMs,
    };
  }

  get exited(): boolean {
    return this.#process.exited;
  }

  /** What it logged last. */
  get output(): string {
    return this.#process.output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.end('SIGTERM');
  }

  #cpuMs(): number {
    return processMs(this.#proc('stat'));
  }

  #proc(file: string): string {
    return readFileSync(`/proc/${this.#process.pid ?? 0}/${file}`, 'latin1');
  }
}
