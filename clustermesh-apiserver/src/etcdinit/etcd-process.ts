import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';

import { MeshError } from '@clustermesh/runtime';

/** Of etcd's log, for the error when it does not start. */
const logTailBytes = 4_096;

/** An etcd that we run for a while. Disposal stops it and waits until its data is on disk. */
export class EtcdProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<undefined>;
  #logTail = '';

  constructor(binary: string, args: readonly string[]) {
    this.#child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#logTail = (this.#logTail + text).slice(-logTailBytes);
    });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#ended = promise;
    this.#child.on('close', () => resolve(undefined));
    this.#child.on('error', (error) => {
      this.#logTail += error.message;
      resolve(undefined);
    });
  }

  /** Throws when the process ends before it was told to. */
  async failure(): Promise<never> {
    await this.#ended;
    const lines = this.#logTail.trim().split('\n').slice(-3).join(' | ');
    throw new MeshError('COMMAND_FAILED', `run etcd: it ended with code ${this.#child.exitCode ?? 'none'}: ${lines}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

/** Another etcd at our address would be set up in place of ours, and lock its owner out. */
export async function refuseIfServed(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
  const isServed = await promise;
  socket.destroy();
  if (isServed) throw new MeshError('CONFIG_INVALID', `run etcd at ${url}: something else listens there already`);
}
