import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server process of a test. What it printed is kept for the message when it does not come up. */
export class TestProcess {
  readonly #child: ChildProcess;
  readonly #command: string;
  #output = '';
  #exited = false;

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.#output = (this.#output + text.toString()).slice(-64_000);
      });
    }
    const ended = (): void => {
      this.#exited = true;
      running.delete(this.#child);
    };
    this.#child.on('exit', ended);
    this.#child.on('error', (error) => {
      this.#output += error.message;
      ended();
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it printed last, on either stream. */
  get output(): string {
    return this.#output;
  }

  get exited(): boolean {
    return this.#exited;
  }

  /** Waits until the process prints `text`. Fails when it exits first or the time is over. */
  async printed(text: string, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#output.includes(text)) {
      if (this.#exited || performance.now() > deadline) {
        throw new Error(`${this.#command} did not come up:\n${this.#output.slice(-4_000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Runs `action` while the process stands still: what it has on disk is of one moment. */
  async frozen<T>(action: () => Promise<T>): Promise<T> {
    this.#child.kill('SIGSTOP');
    try {
      return await action();
    } finally {
      this.#child.kill('SIGCONT');
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#exited) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
  }
}
