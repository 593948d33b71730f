import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { insideCgroup } from './cgroup.ts';

/** The socket of a request with a `keep` stays open, for later requests with the same. */
export type SocketRequest =
  | { readonly op: 'tcp'; readonly host: string; readonly port: number; readonly keep?: string }
  | {
      readonly op: 'udp' | 'connectedUdp';
      readonly family: 4 | 6;
      readonly host: string;
      readonly port: number;
      readonly keep?: string;
    }
  | { readonly op: 'end'; readonly keep: string; readonly waitMs: number };

/** `peer` and `from` are "address port", as the socket told them. */
export interface SocketAnswer {
  readonly answer?: string;
  readonly peer?: string;
  readonly from?: string;
  /** Why a kept socket ended, or `open`. */
  readonly end?: string;
  readonly error?: string;
}

/** A process inside a cgroup that talks over sockets as it is told. */
export class SocketClient implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  constructor(cgroup: string) {
    const script = fileURLToPath(new URL('socket-client.mjs', import.meta.url));
    const [file = '', ...args] = insideCgroup(cgroup, [execPath, script]);
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  /** One after the other. */
  async askAll(requests: readonly SocketRequest[]): Promise<readonly SocketAnswer[]> {
    const answered = once(this.#lines, 'line');
    this.#child.stdin.write(`${JSON.stringify(requests)}\n`);
    const [line] = (await answered) as [string];
    return JSON.parse(line) as SocketAnswer[];
  }

  async ask(request: SocketRequest): Promise<SocketAnswer> {
    const [answer = {}] = await this.askAll([request]);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }
}
