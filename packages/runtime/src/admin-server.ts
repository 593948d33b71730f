import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

import { MeshError } from './errors.ts';
import type { Health } from './health.ts';

export interface AdminServerOptions {
  /** '': all addresses of the machine, of both families where it has them. */
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly health: Health;
  /** Why the process is not ready yet, or undefined when it is. */
  readonly notReady: () => string | undefined;
  readonly metrics: Registry;
  /** Further GET routes that answer JSON, by path: `/v1/cluster`. */
  readonly routes?: Readonly<Record<string, () => unknown>>;
}

/** Read-only HTTP for probes, Prometheus and status: /healthz, /readyz, /metrics and the component's own routes. */
export class AdminServer implements AsyncDisposable {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async listen(options: AdminServerOptions): Promise<AdminServer> {
    const server = createServer((request, response) => void answer(options, request, response));
    const { host, port } = options;
    server.listen({ port, ...(host === '' ? {} : { host }) });
    try {
      await once(server, 'listening');
    } catch (error) {
      const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      throw new MeshError('CONFIG_INVALID', `listen on ${where} for health, metrics and status`, { cause: error });
    }
    return new AdminServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function answer(options: AdminServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'text/plain', 'only GET is answered here\n');
    return;
  }
  switch (path) {
    case '/healthz':
      sendJson(response, options.health.isAlive ? 200 : 500, options.health.report());
      return;
    case '/readyz':
      answerReadiness(response, options.notReady());
      return;
    case '/metrics':
      send(response, 200, options.metrics.contentType, await options.metrics.metrics());
      return;
    default:
      answerRoute(response, path, options.routes?.[path]);
  }
}

function answerReadiness(response: ServerResponse, reason: string | undefined): void {
  if (reason === undefined) send(response, 200, 'text/plain', 'Ready\n');
  else send(response, 500, 'text/plain', `NotReady: ${reason}\n`);
}

function answerRoute(response: ServerResponse, path: string, route: (() => unknown) | undefined): void {
  if (route === undefined) send(response, 404, 'text/plain', `no such path: ${path}\n`);
  else sendJson(response, 200, route());
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(body, undefined, 1)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
