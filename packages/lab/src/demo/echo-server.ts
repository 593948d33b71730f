import { createServer } from 'node:net';

import { closeAll, listenTcp, listenUdp } from './listen.ts';
import type { Listening } from './listen.ts';
import type { Who } from './who.ts';

/**
 * Says who it is and echoes. TCP: `CLUSTER/POD`, newline, the node, newline, then every byte that comes, so that a
 * connection can be seen to live on. UDP: for each datagram one that begins with `CLUSTER/POD NODE` and a newline.
 */
export async function serveEcho(port: number, { clusterName, nodeName, podName }: Who): Promise<Listening> {
  const tcp = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${clusterName}/${podName}\n${nodeName}\n`);
    socket.pipe(socket);
  });
  const listening = await listenTcp(tcp, port);
  const greeting = Buffer.from(`${clusterName}/${podName} ${nodeName}\n`);
  const udp = await listenUdp(listening);
  udp.on('message', (payload, from) => udp.send(Buffer.concat([greeting, payload]), from.port, from.address));
  return { port: listening, [Symbol.asyncDispose]: () => closeAll(tcp, udp) };
}
