import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';

import { serveEcho } from './echo-server.ts';
import type { Listening } from './listen.ts';

let server: Listening;
beforeAll(async () => {
  server = await serveEcho(0, { clusterName: 'east', nodeName: 'n1', podName: 'web-1' });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each(['127.0.0.1', '::1'])('the echo server on %s', (host) => {
  it('says who it is over TCP, then echoes', async () => {
    const socket = connect(server.port, host);
    socket.end('and more');
    const said = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
    expect(said).toBe('east/web-1\nn1\nand more');
  });

  it('answers each datagram with who it is and what came', async () => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.send('ping', server.port, host);
    const [answer] = (await once(socket, 'message')) as [Buffer];
    socket.close();
    expect(answer.toString()).toBe('east/web-1 n1\nping');
  });
});
