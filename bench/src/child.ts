import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Answer, Answers, Question } from '../floors/serve.ts';

export interface ChildOptions {
  /** Node and its arguments are appended, for example `['unshare', '--mount']`. */
  readonly launcher?: readonly string[];
}

/** How much of what a child printed is kept for the message when it fails. */
const keptOutput = 4_000;
const endDeadlineMs = 5_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program that calls `serve`, in a process of its own. It ends when this process does, however that happens. */
export class Child<A extends Answers> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #signal: AbortSignal;
  #nextId = 0;
  #output = '';
  #failure: string | undefined;

  constructor(file: URL, signal: AbortSignal, { launcher = [] }: ChildOptions = {}) {
    this.#name = fileURLToPath(file).split('/').slice(-2).join('/');
    this.#signal = signal;
    const [command, ...args] = [...launcher, process.execPath, '--conditions=mesh-source', fileURLToPath(file)];
    this.#process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], serialization: 'advanced' });
    running.add(this.#process);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.#output = (this.#output + text.toString()).slice(-keptOutput);
      });
    }
    this.#process.on('message', (answer: Answer) => this.#settle(answer));
    this.#process.on('error', (error) => this.#failed(error.message));
    this.#process.on('close', (code, name) => this.#failed(`ended by ${name ?? `code ${code ?? 0}`}`));
    signal.addEventListener('abort', () => this.#failed('stopped'));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Fails when the process ends, or on abort. */
  async ask<K extends keyof A & string>(ask: K, ...[about]: Parameters<A[K]>): Promise<Awaited<ReturnType<A[K]>>> {
    this.#signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#error(ask);
    const id = this.#nextId++;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, answer);
    this.#process.send({ id, ask, about } satisfies Question);
    return (await answer.promise) as Awaited<ReturnType<A[K]>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    // Not by a signal, which a launcher may keep to itself: `serve` ends when we hang up.
    this.#process.disconnect();
    const late = setTimeout(() => this.#process.kill('SIGKILL'), endDeadlineMs);
    await gone;
    clearTimeout(late);
  }

  #settle(answer: Answer): void {
    const asked = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('failure' in answer) asked?.reject(new Error(`${this.#name}: ${answer.failure}`));
    else asked?.resolve(answer.result);
  }

  #failed(reason: string): void {
    if (reason !== 'stopped') running.delete(this.#process);
    this.#failure ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#error('answer'));
    this.#pending.clear();
  }

  #error(ask: string): Error {
    return new Error(`${this.#name} cannot ${ask}: ${this.#failure ?? ''}\n${this.#output}`);
  }
}
