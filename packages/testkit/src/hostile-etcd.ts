import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface HostileEntry {
  /** Latin1: any bytes. */
  readonly key: string;
  readonly value: Uint8Array;
}

/** What such a server answers; by key or prefix that it was asked for. */
export interface HostileAnswers {
  /** `more` promises another page, for ever if it is always true. Undefined: no answer at all. */
  readonly range: (key: string, asked: number) => { readonly kvs: readonly HostileEntry[]; more?: boolean } | undefined;
  /** Messages of a watch, sent as fast as they are taken; when they end, the stream stays open in silence. */
  readonly watch: (prefix: string) => Iterable<Uint8Array>;
}

const revision = 1_000;

/**
 * Speaks etcd's protocol as no etcd would, over HTTP/2 without TLS: for what a real one cannot be made to say. It answers
 * every transaction with a header, so that clients connect.
 */
export class HostileEtcd implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #answers: HostileAnswers;
  #asked = 0;
  #sentBytes = 0;

  private constructor(answers: HostileAnswers) {
    this.#answers = answers;
    this.#server = createServer();
    this.#server.on('session', (session) => this.#sessions.add(session));
    this.#server.on('stream', (stream, headers) => void this.#serve(stream, String(headers[':path'])));
  }

  static async listen(answers: HostileAnswers): Promise<HostileEtcd> {
    const etcd = new HostileEtcd(answers);
    etcd.#server.listen(0, '127.0.0.1');
    await once(etcd.#server, 'listening');
    return etcd;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many ranges it was asked for. */
  get asked(): number {
    return this.#asked;
  }

  /** Of watches, taken by their readers or on the way. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(stream: ServerHttp2Stream, path: string): Promise<void> {
    stream.on('error', () => undefined); // clients leave as they like
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    const request = await firstMessage(stream);
    if (path.endsWith('/Watch')) await this.#follow(stream, fieldsOf(fieldsOf(request).get(1)).get(1));
    else if (path.endsWith('/Range')) this.#list(stream, fieldsOf(request).get(1));
    else stream.end(framed(header()));
  }

  #list(stream: ServerHttp2Stream, key: Buffer = Buffer.alloc(0)): void {
    const answer = this.#answers.range(key.toString('latin1'), ++this.#asked);
    if (answer === undefined) return;
    const kvs = answer.kvs.map((entry) => field(2, keyValue(entry)));
    stream.end(
      framed(Buffer.concat([header(), ...kvs, answer.more === true ? Buffer.from([0x18, 1]) : Buffer.alloc(0)])),
    );
  }

  async #follow(stream: ServerHttp2Stream, prefix: Buffer = Buffer.alloc(0)): Promise<void> {
    stream.write(framed(Buffer.concat([header(), Buffer.from([0x18, 1])])));
    for (const message of this.#answers.watch(prefix.toString('latin1'))) {
      if (stream.destroyed) return;
      const bytes = framed(message);
      this.#sentBytes += bytes.length;
      if (!stream.write(bytes)) await drained(stream);
      // Lets the rest of the process live, as another machine would.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function drained(stream: ServerHttp2Stream): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(() => undefined);
  over.abort();
}

/** A message of a watch: puts, at revisions that rise. */
export function putMessage(entries: readonly HostileEntry[], atRevision: number): Buffer {
  const events = entries.map((entry) => field(11, field(2, keyValue(entry, atRevision))));
  return Buffer.concat([header(atRevision), ...events]);
}

/** Tells progress and nothing else. */
export function progressMessage(): Buffer {
  return header();
}

/** Says that what was asked for is compacted. */
export function compactedMessage(): Buffer {
  return Buffer.concat([header(), number(4, 1), number(5, revision)]);
}

function header(atRevision = revision): Buffer {
  return field(1, Buffer.concat([number(1, 7), number(3, atRevision)]));
}

function keyValue({ key, value }: HostileEntry, atRevision = revision): Buffer {
  const revisions = [number(2, 1), number(3, atRevision)];
  return Buffer.concat([field(1, Buffer.from(key, 'latin1')), ...revisions, field(5, value)]);
}

function field(id: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(id * 8 + 2), varint(bytes.length), bytes]);
}

function number(id: number, value: number): Buffer {
  return Buffer.concat([varint(id * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function firstMessage(stream: ServerHttp2Stream): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) break;
  }
  return bytes.subarray(5);
}

/** The length-delimited fields of a message, the last of each number; numbers are read over. */
function fieldsOf(message: Buffer = Buffer.alloc(0)): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>();
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let shift = 1; at < message.length; shift *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = read();
    const value = read();
    if (tag % 8 !== 2) continue;
    fields.set(Math.floor(tag / 8), message.subarray(at, at + value));
    at += value;
  }
  return fields;
}
