/**
 * Counts datagrams that carry its token, on a UDP port of the pod, until its standard input ends. Prints the count at its
 * start, when it listens, and at its end: {"heard":20}
 * usage: node listen.mjs --port 9999 --token abc [--family 4]
 */
import { createSocket } from 'node:dgram';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values } = parseArgs({ options: { port: text, token: text, family: { ...text, default: '4' } } });
let heard = 0;

const report = () => process.stdout.write(`${JSON.stringify({ heard })}\n`);
const socket = createSocket(values.family === '6' ? 'udp6' : 'udp4');
socket.on('message', (message) => {
  if (message.toString('latin1') === values.token) heard++;
});
socket.bind(Number(values.port), report);
process.stdin.resume().on('end', () => {
  report();
  process.exit();
});
