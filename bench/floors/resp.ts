import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Where a Redis is; `tls` are file names. */
export interface RedisEndpoint {
  readonly port: number;
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Commands that may wait for their answers. */
const inFlight = 64;
const newLine = 0x0a;
const bulk = 0x24;
const failure = 0x2d;

/** Commands to a Redis one after the other, answered by a number or a text each, without waiting for each. */
export class RespPipeline {
  readonly #socket: Socket;
  #unanswered = 0;
  /** First byte of a line whose end has not come. */
  #lineStart: number | undefined;
  #failure: Error | undefined;
  #waiting: (() => void) | undefined;

  constructor({ port, tls }: RedisEndpoint) {
    const to = { host: '127.0.0.1', port, noDelay: true };
    this.#socket = tls === undefined ? connectTcp(to) : connectTls({ ...to, ...contents(tls) });
    this.#socket.on('data', (answers) => this.#answered(answers));
    this.#socket.on('error', (error) => this.#failed(error));
  }

  /** Resolves when there is room for the next one. */
  async send(args: readonly Buffer[]): Promise<void> {
    this.#socket.write(encode(args));
    this.#unanswered++;
    await this.#until(inFlight - 1);
  }

  /** Until all is answered. */
  async end(): Promise<void> {
    await this.#until(0);
    this.#socket.destroy();
  }

  async #until(unanswered: number): Promise<void> {
    while (this.#unanswered > unanswered && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const before = this.#waiting;
        this.#waiting = () => {
          before?.();
          resolve();
        };
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** An answer is `:<number>`, or `$<length>` and a line more; `-` is an error. */
  #answered(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(newLine); end >= 0; end = chunk.indexOf(newLine, from)) {
      const kind = this.#lineStart ?? chunk[from];
      if (kind === failure) this.#failed(new Error(chunk.toString('latin1', from, end)));
      if (kind !== bulk) this.#unanswered--;
      this.#lineStart = undefined;
      from = end + 1;
    }
    if (from < chunk.length) this.#lineStart ??= chunk[from];
    this.#wake();
  }

  #failed(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}

function encode(args: readonly Buffer[]): Buffer {
  let bytes = 16;
  for (const arg of args) bytes += arg.length + 16;
  const encoded = Buffer.allocUnsafe(bytes);
  let at = encoded.write(`*${args.length}\r\n`, 'latin1');
  for (const arg of args) {
    at += encoded.write(`$${arg.length}\r\n`, at, 'latin1');
    at += arg.copy(encoded, at);
    encoded[at++] = 0x0d;
    encoded[at++] = newLine;
  }
  return encoded.subarray(0, at);
}

function contents({ ca, cert, key }: { readonly ca: string; readonly cert: string; readonly key: string }) {
  return { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
}
