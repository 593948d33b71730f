import { MeshError } from '@clustermesh/runtime';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface CommandResult {
  /** The exit code, or 128 + the signal's number as shells have it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** SIGKILL after that many milliseconds. */
  readonly timeoutMs?: number;
}

/** Runs a local program to its end. Only a program that cannot be started is an error (COMMAND_FAILED). */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: 'SIGKILL' as const }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined); // a program may end without reading its input
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => reject(new MeshError('COMMAND_FAILED', `run ${argv.join(' ')}`, { cause: error })));
    child.on('close', (code, signal) =>
      resolve({
        exitCode: code ?? 128 + signalNumber(signal),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Like runCommand, but any exit code other than 0 is an error that quotes what the program said. */
export async function mustRun(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommand(argv, options);
  if (exitCode === 0) return stdout;
  const said = stderr.trim().slice(0, 500);
  throw new MeshError('COMMAND_FAILED', `run ${argv.join(' ')}: exit code ${exitCode}: ${said}`);
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
