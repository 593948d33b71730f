import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Http2SecureServer } from 'node:http2';
import { Agent, request as requestHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { constants, createGzip } from 'node:zlib';

import { serveKubeApi } from '@clustermesh/lab';
import type { KubeApiStore } from '@clustermesh/lab';
import { silentLogger, systemClock } from '@clustermesh/runtime';
import type { CertificateFiles, TestCa } from '@clustermesh/testkit';

/** A request for a resource. */
export interface KubeCall {
  readonly plural: string;
  readonly isWatch: boolean;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  /** Serial number of the client's certificate. */
  readonly serial: string | undefined;
}

/** What is answered instead of what the API would say: a failure, a watch that fails, or one that never says anything. */
export type Fault =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly event: unknown }
  | 'silence';

/** A Status as Kubernetes writes it. */
export function failure(code: number, reason: string, more: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: reason, reason, code, ...more };
}

/** Whoever may speak to the API behind; of callers only the front decides. */
const innerToken = 'inner';
let fronts = 0;

/** One Kubernetes API over HTTPS (1.1 and 2) that misbehaves as it is told, in front of a store that does not. */
export class KubeFront implements AsyncDisposable {
  /** Asked for every request; undefined passes it on. */
  fault: (call: KubeCall) => Fault | undefined = () => undefined;
  /** Compresses every answer, asked for or not. */
  isGzipped = false;
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Map<ServerResponse, string>();
  readonly #httpVersions = new Set<string>();
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  readonly #socketPath: string;
  readonly #stack = new AsyncDisposableStack();

  private constructor(certificate: CertificateFiles, clientCa: TestCa, socketPath: string) {
    this.#socketPath = socketPath;
    const { cert, key } = certificate;
    const tls = { cert, key, ca: clientCa.cert, requestCert: true, rejectUnauthorized: false, allowHTTP1: true };
    this.#server = createSecureServer(tls, (request, response) => {
      this.#handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    });
    this.#server.on('secureConnection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  static async serve(store: KubeApiStore, ca: TestCa, dir: string): Promise<KubeFront> {
    const certificate = await ca.issue({ commonName: 'kube-apiserver', altNames: ['IP:127.0.0.1'] });
    const path = join(dir, `kube-${++fronts}.sock`);
    const front = new KubeFront(certificate, ca, path);
    const { cert, key } = certificate;
    const tls = { ca: ca.cert.toString(), cert: cert.toString(), key: key.toString() };
    const options = { tls, token: innerToken, listen: [{ path }], clock: systemClock, log: silentLogger };
    front.#stack.use(await serveKubeApi(store, options));
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Of watches in force, sorted. */
  get watched(): readonly string[] {
    return [...this.#watches.values()].sort();
  }

  get httpVersions(): ReadonlySet<string> {
    return this.#httpVersions;
  }

  /** Ends watches in peace, as a server does after some minutes: all, or those of one resource. */
  endWatches(plural?: string): void {
    for (const [response, watched] of this.#watches) if (plural === undefined || watched === plural) response.end();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    this.#httpVersions.add(request.httpVersion);
    const call = callOf(request);
    if (call.isWatch) this.#watches.set(response, call.plural);
    response.on('close', () => this.#watches.delete(response));
    // A watch that was ended may still be written to.
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    const fault = this.fault(call);
    if (fault === undefined) this.#forward(request, response);
    else if (fault === 'silence') response.writeHead(200).flushHeaders();
    else if ('event' in fault) response.end(`${JSON.stringify({ type: 'ERROR', object: fault.event })}\n`);
    else {
      const { status, body, headers = {} } = fault;
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    }
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method, url: path, headers } = request;
    const inner = requestHttps({
      ...{ socketPath: this.#socketPath, agent: this.#agent, rejectUnauthorized: false },
      ...{ method, path, headers: { ...headers, authorization: `Bearer ${innerToken}` } },
    });
    inner.on('error', () => response.destroy());
    inner.on('response', (answer) => {
      const { 'content-type': type = 'application/json' } = answer.headers;
      const encoding = this.isGzipped ? { 'content-encoding': 'gzip' } : {};
      response.writeHead(answer.statusCode ?? 500, { 'content-type': type, ...encoding }).flushHeaders();
      // A cut in the middle stays one.
      answer.on('error', () => response.destroy());
      if (!this.isGzipped) {
        answer.pipe(response);
        return;
      }
      // Each event of a watch goes out as it comes.
      answer.pipe(createGzip({ flush: constants.Z_SYNC_FLUSH })).pipe(response);
    });
    response.on('close', () => inner.destroy());
    request.pipe(inner);
  }

  /** As by SIGKILL: every connection is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await this.#stack.disposeAsync();
    await closed;
  }
}

function callOf(request: IncomingMessage): KubeCall {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'https://kubernetes');
  const steps = pathname.split('/').slice(pathname.startsWith('/api/') ? 3 : 4);
  const [first = '', , plural] = steps;
  const socket = request.socket as unknown as Pick<TLSSocket, 'getPeerCertificate'>;
  return {
    plural: first === 'namespaces' && plural !== undefined ? plural : first,
    isWatch: query.get('watch') === 'true',
    query,
    authorization: request.headers.authorization,
    serial: (socket.getPeerCertificate() as Partial<PeerCertificate>).serialNumber,
  };
}
