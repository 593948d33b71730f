import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as requestHttp } from 'node:http';
import { pipeline } from 'node:stream/promises';

import type { Pod } from '@clustermesh/kube';
import { describeError } from '@clustermesh/runtime';

import { badGateway, badRequest } from '../api-errors.ts';

/** Where a request for `pods/NAME:PORT/proxy/PATH` goes. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** Only what the pod itself is asked may go there: hop-by-hop headers and credentials stay. */
const withheldHeaders = new Set([
  ...['authorization', 'connection', 'host', 'keep-alive', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding'],
  'upgrade',
]);

/** `name`, `name:port` or `http:name:port`, of which the port may be a container port's name. */
export function splitProxyName(name: string): { readonly podName: string; readonly port: string } {
  const parts = name.split(':');
  const [scheme, podName = '', port = ''] = parts.length === 3 ? parts : ['http', ...parts];
  if (scheme !== 'http') throw badRequest(`cannot proxy to a pod by ${JSON.stringify(scheme)}`);
  return { podName, port };
}

/** Without a port, the first one that the pod names. */
export function proxyTarget({ metadata, spec, status }: Pod, port: string): ProxyTarget {
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  const named = port === '' ? ports[0] : ports.find(({ name }) => name === port);
  const number = /^\d+$/.test(port) ? Number(port) : named?.containerPort;
  if (number === undefined) throw badRequest(`pod ${metadata.name} has no port ${JSON.stringify(port)}`);
  if (status?.podIP === undefined) throw badGateway(`pod ${metadata.name} has no IP yet`);
  return { host: status.podIP, port: number };
}

/** Hands the request to the pod and its answer back, both streamed. */
export async function proxyToPod(
  request: IncomingMessage,
  response: ServerResponse,
  target: ProxyTarget,
  path: string,
): Promise<void> {
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !withheldHeaders.has(name)));
  const outgoing = requestHttp({ ...target, method: request.method, path, headers, agent: false });
  response.on('close', () => outgoing.destroy());
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', (error) =>
      reject(badGateway(`error trying to reach service: ${describeError(error)} (${target.host}:${target.port})`)),
    );
  });
  // A body that the pod does not want to read breaks the pipe; what the pod answered still counts.
  pipeline(request, outgoing).catch(() => undefined);
  const incoming = await answer;
  const { connection: _connection, 'transfer-encoding': _encoding, ...answerHeaders } = incoming.headers;
  response.writeHead(incoming.statusCode ?? 502, answerHeaders);
  await pipeline(incoming, response);
}
