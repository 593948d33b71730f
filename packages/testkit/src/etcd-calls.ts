import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';

/** PEM. */
export interface CallerTls {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** What came back of a call. A watch that is refused says so in its first message, not in its status. */
export interface CallOutcome {
  /** gRPC's number; 0 is fine, 7 is PERMISSION_DENIED. */
  readonly status: number;
  /** The server's words for another status. */
  readonly text: string;
  /** The first message, if any. */
  readonly reply: Buffer;
}

type ProtoValue = string | Uint8Array | number | bigint | undefined;
/** Fields of a message by number: text and bytes as such, numbers as varints; a list repeats, `undefined` is left out. */
export type ProtoFields = Readonly<Record<number, ProtoValue | readonly ProtoValue[]>>;

/**
 * Calls of etcd's gRPC API, written by hand over HTTP/2: any call, allowed or not, without the manners of our own client.
 * Rejects when there is no connection; whatever the server answers is an outcome.
 */
export class EtcdCalls implements Disposable {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  static async connect(endpoint: string, tls: CallerTls): Promise<EtcdCalls> {
    const session = connect(endpoint, tls);
    session.on('error', () => undefined); // each call hears it too
    await once(session, 'connect');
    return new EtcdCalls(session);
  }

  /** One request to `/package.Service/Method`; of a stream, the first message of its answer. */
  async call(path: string, request: ProtoFields): Promise<CallOutcome> {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = this.#session.request(headers);
    try {
      stream.write(framed(protoMessage(request)));
      return await outcome(stream);
    } finally {
      stream.close();
    }
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

export function protoMessage(fields: ProtoFields): Buffer {
  const all = Object.entries(fields).flatMap(([number, value]) =>
    (Array.isArray(value) ? (value as readonly ProtoValue[]) : [value as ProtoValue]).map((one) =>
      encodeField(Number(number), one),
    ),
  );
  return Buffer.concat(all);
}

function encodeField(number: number, value: ProtoValue): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  if (typeof value === 'number' || typeof value === 'bigint') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

/** The fields of a message, the last of each number. */
export function protoFields(message: Buffer): ReadonlyMap<number, Buffer | bigint> {
  const fields = new Map<number, Buffer | bigint>();
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; at < message.length; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = Number(number());
    const value = number();
    if (tag % 8 !== 2) fields.set(tag >> 3, value);
    else fields.set(tag >> 3, message.subarray(at, (at += Number(value))));
  }
  return fields;
}

/** Ends with the first message, or with the status that comes in its stead. */
async function outcome(stream: ClientHttp2Stream): Promise<CallOutcome> {
  let status = 0;
  let text = '';
  const note = ({ 'grpc-status': code, 'grpc-message': words }: IncomingHttpHeaders): void => {
    if (typeof code === 'string') status = Number(code);
    if (typeof words === 'string') text = decodeURIComponent(words);
  };
  stream.on('response', note).on('trailers', note);
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) break;
  }
  return { status, text, reply: bytes.subarray(5) };
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
