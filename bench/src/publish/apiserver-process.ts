import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { TestProcess, freePort } from '@clustermesh/testkit';

import { processMs } from '../foreign-load.ts';
import { until } from '../propagation/programs.ts';
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

const deadlineMs = 120_000;
const main = fileURLToPath(new URL('../../../clustermesh-apiserver/src/main.ts', import.meta.url));
const probe = new URL('../restart/event-loop-probe.ts', import.meta.url);
let starts = 0;

/** The apiserver as the program that it is, with a probe preloaded that watches its event loop. */
export class ApiserverProcess implements AsyncDisposable {
  readonly #stallFile: string;
  readonly #process: TestProcess;
  readonly #healthPort: number;

  /** When its modules were loaded: nothing can be waiting for that. */
  readonly #mainMs: number;
  readonly #importCpuMs: number;

  private constructor(stallFile: string, process: TestProcess, healthPort: number) {
    this.#stallFile = stallFile;
    this.#process = process;
    this.#healthPort = healthPort;
    this.#mainMs = Date.parse(/"time":"([^"]+)".*"msg":"starting"/.exec(process.output)?.[1] ?? '');
    this.#importCpuMs = this.#cpuMs();
  }

  static async start({ dir, etcdConfig, kubeconfig }: ApiserverPlace): Promise<ApiserverProcess> {
    const healthPort = await freePort();
    const stallFile = join(dir, `stalls-${starts++}`);
    const flags = {
      'cluster-name': cluster.name,
      'cluster-id': cluster.id,
      'etcd-config': etcdConfig,
      kubeconfig,
      'health-host': '127.0.0.1',
      'health-port': healthPort,
    };
    const program = new TestProcess(process.execPath, [
      '--conditions=mesh-source',
      `--import=${probe.href}?file=${stallFile}`,
      main,
      'clustermesh',
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    ]);
    await program.printed('"msg":"starting"');
    return new ApiserverProcess(stallFile, program, healthPort);
  }

  async ready(signal: AbortSignal): Promise<void> {
    let last = 'nobody listens';
    const missing = async (): Promise<string | undefined> => {
      if (this.#process.exited) throw new Error(`the apiserver ended:\n${this.#process.output}`);
      const response = await fetch(`http://127.0.0.1:${this.#healthPort}/readyz`).catch(() => undefined);
      last = (await response?.text()) ?? last;
      return response?.ok === true ? undefined : `${last}\n${this.#process.output.slice(-2_000)}`;
    };
    await until('ready', signal, missing, { pollMs: 100, deadlineMs });
  }

  /** Since its modules were loaded. */
  figures(): ApiserverFigures {
    const stalls = stallsSince(parseStalls(readFileSync(this.#stallFile, 'utf8')), this.#mainMs);
    return {
      maxStallMs: longest(stalls, ({ ms }) => ms),
      maxStallCpuMs: longest(stalls, ({ cpuMs }) => cpuMs),
      peakRssMib: Number(/^VmHWM:\s+(\d+) kB/m.exec(this.#proc('status'))?.[1]) / 1_024,
      cpuMs: this.#cpuMs() - this.#importCpuMs,
    };
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
