import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type PeerRequest =
  | { readonly op: 'serve'; readonly port: number }
  | { readonly op: 'tcp'; readonly host: string; readonly port: number; readonly keep: string }
  | { readonly op: 'say'; readonly keep: string; readonly bytes: number }
  | { readonly op: 'udp'; readonly host: string; readonly port: number; readonly bytes?: number };

/** A busy machine may stand still for seconds. */
const patienceMs = 15_000;

/** A process in a pod that serves, and talks to others, as it is told. */
export class PodPeer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  constructor(from: { command(command: readonly string[]): string[] }) {
    const [file = '', ...args] = from.command([execPath, fileURLToPath(new URL('pod-peer.mjs', import.meta.url))]);
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  /** How many bytes came back, or what went wrong: TIMEOUT when nothing came. */
  async ask(request: PeerRequest, waitMs = patienceMs): Promise<unknown> {
    const answered = once(this.#lines, 'line');
    this.#child.stdin.write(`${JSON.stringify({ ...request, waitMs })}\n`);
    const [line] = (await answered) as [string];
    return JSON.parse(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }
}
