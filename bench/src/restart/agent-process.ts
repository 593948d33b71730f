import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { imageEnv, imageFlags } from '@clustermesh/lab';
import { TestProcess } from '@clustermesh/testkit';

import { until } from '../propagation/programs.ts';
import { west } from './local-cluster.ts';
import { longest, parseStalls, stallsSince } from './stalls.ts';
import type { Stall } from './stalls.ts';

export interface AgentPlace {
  /** For its files, its pins, and what the probe notes. */
  readonly dir: string;
  readonly etcdConfig: string;
  readonly cgroup: string;
  readonly healthPort: number;
  /** More of its flags, and those that differ. */
  readonly flags?: Readonly<Record<string, string | number>>;
}

export interface AgentStart {
  /** From the start of the process. */
  readonly readyMs: number;
  /** Of that, until its first line of log: modules are loaded. */
  readonly importMs: number;
}

export interface AgentFigures {
  readonly maxStallMs: number;
  readonly maxStallCpuMs: number;
  readonly rssMib: number;
  readonly peakRssMib: number;
}

const pollMs = 20;
const deadlineMs = 120_000;
const main = fileURLToPath(new URL('../../../agent/src/main.ts', import.meta.url));
const probe = new URL('./event-loop-probe.ts', import.meta.url);

/** The agent as the program that it is, with a probe preloaded that watches its event loop. */
export class AgentProcess {
  readonly #place: AgentPlace;
  readonly #stallFile: string;
  readonly #process: TestProcess;
  readonly #startMs = Date.now();
  #mainMs: number | undefined;

  constructor(place: AgentPlace, start: number) {
    this.#place = place;
    this.#stallFile = join(place.dir, `stalls-${start}`);
    const flags = {
      'cluster-name': west.name,
      'cluster-id': west.id,
      'node-name': 'node-1',
      'cache-config': place.etcdConfig,
      datapath: 'ebpf',
      'bpf-fs': join(place.dir, 'bpf'),
      'cgroup-root': place.cgroup,
      'status-socket': join(place.dir, 'agent.sock'),
      'health-host': '127.0.0.1',
      'health-port': place.healthPort,
      ...place.flags,
    };
    // `env` becomes the program: the process id is the agent's.
    this.#process = new TestProcess('env', [
      ...imageEnv('agent/src/main.ts'),
      process.execPath,
      '--conditions=mesh-source',
      '--disable-warning=ExperimentalWarning',
      ...imageFlags('agent/src/main.ts'),
      `--import=${probe.href}?file=${this.#stallFile}`,
      main,
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    ]);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async ready(signal: AbortSignal): Promise<AgentStart> {
    let last = 'nobody listens';
    const missing = async (): Promise<string | undefined> => {
      this.requireRunning();
      const response = await fetch(`http://127.0.0.1:${this.#place.healthPort}/readyz`).catch(() => undefined);
      last = (await response?.text()) ?? last;
      return response?.ok === true ? undefined : last;
    };
    await until('ready', signal, missing, { pollMs, deadlineMs });
    return { readyMs: Date.now() - this.#startMs, importMs: this.mainMs() - this.#startMs };
  }

  requireRunning(): void {
    if (this.#process.exited) throw new Error(`the agent ended:\n${this.#process.output}`);
  }

  /** Since its modules are loaded. */
  figures(): AgentFigures {
    const stalls = this.stalls();
    return {
      maxStallMs: longest(stalls, ({ ms }) => ms),
      maxStallCpuMs: longest(stalls, ({ cpuMs }) => cpuMs),
      rssMib: this.#memoryMib('VmRSS'),
      peakRssMib: this.#memoryMib('VmHWM'),
    };
  }

  stalls(): readonly Stall[] {
    return stallsSince(parseStalls(readFileSync(this.#stallFile, 'utf8')), this.mainMs());
  }

  async kill(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  /** When it wrote its first line, by the wall clock; fails before. */
  mainMs(): number {
    const time = /"time":"([^"]+)".*"msg":"starting"/.exec(this.#process.output)?.[1];
    if (this.#mainMs === undefined && time !== undefined) this.#mainMs = Date.parse(time);
    if (this.#mainMs !== undefined) return this.#mainMs;
    throw new Error(`the agent did not say that it starts:\n${this.#process.output}`);
  }

  #memoryMib(field: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024;
  }
}
