import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';

import { MeshError, RateBudget, isMeshError } from '@clustermesh/runtime';
import type { Clock, Rate } from '@clustermesh/runtime';

import type { KubeEndpoint } from './kube-endpoint.ts';
import { transportError } from './transport-error.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's own path; with the query. */
  readonly path: string;
  readonly body?: { readonly contentType: string; readonly text: string };
}

export interface TransportOptions {
  readonly clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  /** Requests, a watch being one of them; by default as fast as the API takes them. */
  readonly rate?: Rate | undefined;
}

/** Kernel keep-alive probes start after this much silence on a socket, milliseconds. */
const tcpKeepAliveMs = 30_000;

/** Sends requests to one API over kept-alive connections, with the credentials of the moment. */
export class HttpTransport implements Disposable {
  readonly #endpoint: KubeEndpoint;
  readonly #clock: TransportOptions['clock'];
  /** Sockets are pooled by their TLS options: a renewed certificate gets new connections by itself. */
  readonly #https = new HttpsAgent({ keepAlive: true, keepAliveMsecs: tcpKeepAliveMs });
  readonly #http = new HttpAgent({ keepAlive: true, keepAliveMsecs: tcpKeepAliveMs });

  readonly #budget: RateBudget | undefined;

  constructor(endpoint: KubeEndpoint, { clock, rate }: TransportOptions) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#budget = rate && new RateBudget(rate, clock);
  }

  /** For people: where requests go. */
  get server(): string {
    return this.#endpoint.server.href;
  }

  get contextName(): string {
    return this.#endpoint.contextName;
  }

  /**
   * Answers what `read` makes of the response; both must end within `timeoutMs` (KUBE_UNAVAILABLE). `read` may hand
   * out the response itself, whose stream then lasts until `signal` aborts. Throws `signal.reason` when that aborts.
   */
  async call<R>(
    call: HttpCall,
    read: (response: IncomingMessage) => Promise<R>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<R> {
    await this.#budget?.take(1, signal ?? new AbortController().signal);
    signal?.throwIfAborted();
    const what = `${call.method} ${this.#endpoint.server.origin}${call.path.replace(/\?.*/s, '')}`;
    const deadline = new AbortController();
    const done = new AbortController();
    const either = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
    void this.#clock.sleep(timeoutMs, done.signal).then(() => (done.signal.aborted ? undefined : deadline.abort()));
    try {
      return await read(await this.#send(call, either));
    } catch (error) {
      signal?.throwIfAborted();
      if (deadline.signal.aborted) {
        throw new MeshError('KUBE_UNAVAILABLE', `${what} (no answer within ${timeoutMs} ms)`, { retryable: true });
      }
      throw isMeshError(error) ? error : transportError(what, error);
    } finally {
      done.abort();
    }
  }

  async #send(call: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
    const attempt = await this.#attempt(call, signal);
    if (attempt.response !== undefined) return attempt.response;
    // The server closed an idle connection just as we reused it: it never saw the request.
    if (!attempt.wasStaleSocket || call.method !== 'GET') throw attempt.error;
    const second = await this.#attempt(call, signal);
    if (second.response === undefined) throw second.error;
    return second.response;
  }

  async #attempt(call: HttpCall, signal: AbortSignal): Promise<Attempt> {
    const { tls, headers, proxy } = await this.#endpoint.credentials();
    const { server } = this.#endpoint;
    const isTls = server.protocol === 'https:';
    const options: RequestOptions = {
      ...tls,
      method: call.method,
      agent: proxy ?? (isTls ? this.#https : this.#http),
      headers: { ...headers, ...headersOf(call) },
      signal,
    };
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${call.path}`, server);
    return new Promise((resolve) => {
      const request = (isTls ? requestHttps : requestHttp)(url, options);
      request.on('response', (response) => {
        if (response.statusCode === 401) this.#endpoint.refused?.();
        resolve({ response });
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (!signal.aborted) this.#endpoint.unreachable?.(server);
        resolve({ error, wasStaleSocket: request.reusedSocket && error.code === 'ECONNRESET' });
      });
      request.end(call.body?.text);
    });
  }

  [Symbol.dispose](): void {
    this.#https.destroy();
    this.#http.destroy();
  }
}

type Attempt =
  | { readonly response: IncomingMessage }
  | { readonly response?: undefined; readonly error: Error; readonly wasStaleSocket: boolean };

function headersOf(call: HttpCall): Record<string, string | number> {
  const common = { Accept: 'application/json', 'User-Agent': 'clustermesh' };
  if (call.body === undefined) return common;
  return {
    ...common,
    'Content-Type': call.body.contentType,
    'Content-Length': Buffer.byteLength(call.body.text),
  };
}
