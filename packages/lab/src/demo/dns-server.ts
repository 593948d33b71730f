import { createServer } from 'node:net';
import type { Socket } from 'node:net';

import { answerDns } from './dns-message.ts';
import type { DnsNames } from './dns-message.ts';
import { closeAll, listenTcp, listenUdp } from './listen.ts';
import type { Listening } from './listen.ts';

const lengthBytes = 2;

/** Answers over UDP and TCP, as every name server does. */
export async function serveDns(port: number, names: DnsNames): Promise<Listening> {
  const tcp = createServer((socket) => converse(socket, names));
  const listening = await listenTcp(tcp, port);
  const udp = await listenUdp(listening);
  udp.on('message', (message, from) => {
    const answer = answerDns(message, names);
    if (answer !== undefined) udp.send(answer, from.port, from.address);
  });
  return { port: listening, [Symbol.asyncDispose]: () => closeAll(tcp, udp) };
}

/** Over TCP each message has its length before it; they may come in any pieces. */
function converse(socket: Socket, names: DnsNames): void {
  let received = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= lengthBytes && received.length >= lengthBytes + received.readUInt16BE(0)) {
      const end = lengthBytes + received.readUInt16BE(0);
      const answer = answerDns(received.subarray(lengthBytes, end), names);
      received = received.subarray(end);
      if (answer === undefined) continue;
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt16BE(answer.length, 0);
      socket.write(Buffer.concat([length, answer]));
    }
  });
}
