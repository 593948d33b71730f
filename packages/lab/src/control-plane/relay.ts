import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { join } from '../gateway/gateway.ts';

/**
 * A port of this machine's loopback for a server that is not in its network: kubeconfigs point at it.
 * @param wanted the port of an earlier run, so that kubeconfigs stay right; another one when it is taken
 */
export async function listenRelay(
  wanted: number,
  dial: () => Promise<Socket>,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    dial().then(
      (upstream) => join(client, upstream),
      () => client.destroy(),
    );
  });
  try {
    await listen(server, wanted);
  } catch {
    await listen(server, 0);
  }
  return { server, port: (server.address() as AddressInfo).port };
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}
