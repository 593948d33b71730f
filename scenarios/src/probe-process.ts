import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { MeshError } from '@clustermesh/runtime';

import type { CommandResult, RunningProbe } from './provider.ts';

/** Starts a command line that runs a probe program; it ends when its standard input does, at the latest with us. */
export function startProbeProcess(argv: readonly string[]): RunningProbe {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let waiting: ((report: unknown) => void) | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.splice(0, lines.length, line); // reports are totals: the last one says all
    waiting?.(JSON.parse(line));
  });
  child.stdin.on('error', () => undefined); // it may have ended by itself
  const exit = new Promise<number>((resolve, reject) => {
    child.on('error', (error) => reject(new MeshError('COMMAND_FAILED', `run ${program}`, { cause: error })));
    child.on('close', (code) => resolve(code ?? 1));
  });
  const ended = endOf(exit, text(child.stderr), lines);
  ended.catch(() => undefined); // who waits for it hears of it
  return {
    latest: () => (lines[0] === undefined ? undefined : (JSON.parse(lines[0]) as unknown)),
    ask: async (line) => {
      const report = new Promise<unknown>((resolve) => (waiting = resolve));
      child.stdin.write(`${line}\n`);
      return Promise.race([report, ended.then(mustNotEnd)]);
    },
    ended,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function mustNotEnd({ exitCode, stderr }: CommandResult): never {
  throw new MeshError('COMMAND_FAILED', `ask a probe that ended with ${exitCode}: ${stderr.trim()}`);
}

async function endOf(exit: Promise<number>, errors: Promise<string>, lines: readonly string[]): Promise<CommandResult> {
  const [exitCode, stderr] = await Promise.all([exit, errors]);
  return { exitCode, stdout: lines[0] ?? '', stderr };
}
