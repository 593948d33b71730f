import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/**
 * An HTTP CONNECT proxy. It runs in the underlay's namespace, which has routes to every node and pod, and listens
 * on a unix socket, which does not care about namespaces: so the supervisor probes pods from outside.
 */
export function createGateway(): Server {
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on('connect', (request, client: Socket) => {
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const upstream = connect({ host, port: Number(port) });
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 Connected\r\n\r\n');
      join(client, upstream);
    });
    upstream.once('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    client.once('error', () => upstream.destroy());
  });
  return server;
}

/** Copies both ways; when one side ends or breaks, so does the other. */
export function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  for (const [side, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    side.on('error', () => peer.destroy());
    side.on('close', () => peer.destroy());
  }
}
