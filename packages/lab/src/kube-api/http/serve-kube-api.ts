import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import { MeshError } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';

import { Authorizer } from '../access/authorizer.ts';
import type { Audit, User } from '../access/authorizer.ts';
import { noSuchResource, notAcceptable, unauthorized } from '../api-errors.ts';
import type { KubeApiStore } from '../kube-api-store.ts';
import { authenticate, impersonated } from './authentication.ts';
import { coreVersions, groupList, groupOf, resourceList, serverVersion } from './discovery.ts';
import { accessTo } from './request-access.ts';
import { openapiIndex, openapiOf, openapiV2 } from './openapi.ts';
import { ResourceHandler } from './resource-handler.ts';
import { isRefusal, sendError, sendJson, sendText } from './respond.ts';
import { parseRoute } from './route.ts';
import type { Route } from './route.ts';

export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export interface KubeApiServerOptions {
  /** All PEM. `ca` is whom clients' certificates must come from. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Accepted as bearer token, besides client certificates. */
  readonly token?: string;
  /** TLS on all of them, unix sockets too. */
  readonly listen: readonly ListenAddress[];
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** Where kubelets write the logs of containers; without it there are none. */
  readonly podLogDir?: string | undefined;
  /** Hears who asked for what, and whether that was allowed. */
  readonly audit?: Audit;
  readonly log: Logger;
}

export interface KubeApiServer extends AsyncDisposable {
  /** `https://HOST:PORT` and `unix:PATH`, in the order of `listen`. */
  readonly addresses: readonly string[];
}

/** Longer than clients let connections idle, so that they never use one that is just being closed. */
const keepAliveTimeoutMs = 120_000;

/** Serves the store as a Kubernetes API over HTTPS. Throws LAB_INVALID_STATE when it cannot listen. */
export async function serveKubeApi(store: KubeApiStore, options: KubeApiServerOptions): Promise<KubeApiServer> {
  const listener = requestListener(store, options);
  const servers: Server[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(closeServer));
  };
  try {
    const addresses: string[] = [];
    for (const address of options.listen) {
      const server = createServer(
        { ...options.tls, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
        listener,
      );
      server.keepAliveTimeout = keepAliveTimeoutMs;
      servers.push(server);
      addresses.push(await listen(server, address));
    }
    return { addresses, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, address: ListenAddress): Promise<string> {
  const where = 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new MeshError('LAB_INVALID_STATE', `listen on ${where}`, { cause })));
    server.listen(address, () => {
      const bound = server.address() as AddressInfo | string;
      resolve(typeof bound === 'string' ? `unix:${bound}` : `https://${hostText(bound)}:${bound.port}`);
    });
  });
}

function hostText({ address, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]` : address;
}

/** Watches last for ever, so that connections are cut rather than waited for. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function requestListener(store: KubeApiStore, options: KubeApiServerOptions): RequestListener {
  const { token, clock, podLogDir, audit, log } = options;
  const authorizer = new Authorizer(store.slots, audit);
  const resources = new ResourceHandler({ store, authorizer, clock, podLogDir });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'https://kubernetes');
    const route = parseRoute(url.pathname);
    if (!acceptsJson(request.headers.accept)) throw notAcceptable();
    const user = askingUser(request, token, authorizer);
    if (user === undefined) {
      if (!isPublic(route)) throw unauthorized();
      answerDocument(store, route, response);
    } else if (route.kind === 'resource') {
      authorizer.demand(user, accessTo(request, route, url.searchParams));
      await resources.handle({ route, query: url.searchParams, request, response, user });
    } else {
      authorizer.demand(user, { verb: (request.method ?? '').toLowerCase(), path: url.pathname });
      answerDocument(store, route, response);
    }
  };
  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!isRefusal(error)) logFailure(log, request, response, error);
      // What is left of the body would be taken for the next request.
      if (!request.complete) response.shouldKeepAlive = false;
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    });
  };
}

/** OpenAPI v2 and plain texts are what they are, whatever the client would like. */
function acceptsJson(accept: string | undefined): boolean {
  return accept === undefined || /application\/(json|\*|com\.github)|\*\/\*|text\/plain/.test(accept);
}

/** Undefined for a stranger. Throws Forbidden when the user may not speak for whom it wants to speak for. */
function askingUser(request: IncomingMessage, token: string | undefined, authorizer: Authorizer): User | undefined {
  const user = authenticate(request, token);
  const other = impersonated(request);
  if (user === undefined || other === undefined) return user;
  const asked = { verb: 'impersonate', group: '', namespace: undefined };
  authorizer.demand(user, { ...asked, resource: 'users', name: other.name });
  for (const group of other.groups) authorizer.demand(user, { ...asked, resource: 'groups', name: group });
  return other;
}

/** A client that goes away in the middle of a stream is no failure of ours. */
function logFailure(log: Logger, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const { method, url } = request;
  if (response.destroyed) log.debug({ method, url }, 'client left');
  else log.error({ method, url, err: error }, 'request failed');
}

function isPublic({ kind }: Route): boolean {
  return kind === 'health' || kind === 'version';
}

function answerDocument(store: KubeApiStore, route: Route, response: ServerResponse): void {
  if (route.kind === 'health') {
    sendText(response, 200, 'ok');
    return;
  }
  if (route.kind === 'openapi-v2') {
    sendText(response, 200, openapiV2.text, openapiV2.contentType);
    return;
  }
  const found = documentOf(store, route);
  if (found === undefined) throw noSuchResource();
  sendJson(response, 200, found);
}

function documentOf({ slots }: KubeApiStore, route: Route): object | undefined {
  switch (route.kind) {
    case 'version':
      return serverVersion;
    case 'core-versions':
      return coreVersions;
    case 'groups':
      return groupList(slots);
    case 'group':
      return groupOf(slots, route.group);
    case 'group-version':
      return resourceList(slots, route.group, route.version);
    case 'openapi-v3':
      return route.groupVersion === undefined ? openapiIndex(slots) : openapiOf(slots, route.groupVersion);
    case 'health':
    case 'openapi-v2':
    case 'resource':
    case 'unknown':
      return undefined;
  }
}
