import { MeshError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';

import type { Place } from '../mesh-plan.ts';
import { netnsPath } from '../network/network.ts';
import { isRunning, markVariable, processRecord } from './proc.ts';
import type { ProcessRecord } from './proc.ts';

export interface ProcessSpec {
  readonly argv: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly place: Place;
  /** Output is appended to it. */
  readonly logFile: string;
}

/** A running program of the lab. It outlives the process that started it. */
export interface RunningProcess {
  readonly record: ProcessRecord;
  /** Exit code (128 + signal when killed), or undefined for an adopted one: only a parent is told. */
  readonly exited: Promise<number | undefined>;
  kill(signal: NodeJS.Signals): void;
}

const adoptedPollMs = 300;
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class ProcessRunner {
  readonly #stateDir: string;
  readonly #clock: Clock;

  constructor({ stateDir, clock }: { readonly stateDir: string; readonly clock: Clock }) {
    this.#stateDir = stateDir;
    this.#clock = clock;
  }

  /** @throws MeshError COMMAND_FAILED when it cannot be started at all. */
  async start(spec: ProcessSpec): Promise<RunningProcess> {
    await mkdir(dirname(spec.logFile), { recursive: true });
    if (spec.place.cgroup !== undefined) await mkdir(spec.place.cgroup, { recursive: true });
    await using log = await open(spec.logFile, 'a');
    const [program = '', ...args] = placedArgv(spec.argv, spec.place);
    const child = spawn(program, args, {
      detached: true, // its own session: a Ctrl-C at the terminal is not for it
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: searchPath, ...spec.env, [markVariable]: this.#stateDir },
    });
    const exited = once(child, 'exit').then(([code, signal]) => exitCode(code as number, signal as NodeJS.Signals));
    try {
      await once(child, 'spawn');
    } catch (error) {
      exited.catch(() => undefined);
      throw new MeshError('COMMAND_FAILED', `start ${spec.argv.join(' ')}`, { cause: error });
    }
    child.unref(); // it may live longer than we do
    const pid = child.pid ?? 0;
    const record = (await processRecord(pid)) ?? { pid, startTicks: 0 };
    return { record, exited, kill: (signal) => void child.kill(signal) };
  }

  /** Takes over what an earlier run started, if it still runs. */
  async adopt(record: ProcessRecord): Promise<RunningProcess | undefined> {
    if (!(await isRunning(record))) return undefined;
    return { record, exited: this.#waitForEnd(record), kill: (signal) => void killRecord(record, signal) };
  }

  async #waitForEnd(record: ProcessRecord): Promise<undefined> {
    while (await isRunning(record)) await this.#clock.sleep(adoptedPollMs);
  }
}

/**
 * Enters the cgroup first, because a socket keeps the cgroup in which it was made, then the network namespace;
 * each step is an exec, so the pid stays the same. `ip netns exec` would hide cgroup2 and bpffs (datapath.md §2b).
 */
export function placedArgv(argv: readonly string[], { netns, cgroup }: Place): readonly string[] {
  const inNetns = netns === undefined ? argv : ['nsenter', `--net=${netnsPath(netns)}`, '--', ...argv];
  return cgroup === undefined ? inNetns : ['sh', '-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', cgroup, ...inNetns];
}

export async function killRecord(record: ProcessRecord, signal: NodeJS.Signals): Promise<void> {
  if (!(await isRunning(record))) return;
  try {
    process.kill(record.pid, signal);
  } catch {
    // it ended between the two lines
  }
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
