/**
 * Sends requests to one address, one connection each, and prints what answered as one line of JSON:
 * {"answers":{"east/echo-1":3},"failures":{"ECONNREFUSED":1}}. Plain JavaScript without imports of ours, so that it
 * starts in a few milliseconds.
 * usage: node probe.mjs ADDRESS PORT REQUESTS
 */
import { connect } from 'node:net';

const timeoutMs = 1_000;
const [address, port, requests] = process.argv.slice(2);
const answers = {};
const failures = {};

for (let request = 0; request < Number(requests); request++) {
  const { kind, name } = await ask();
  const counts = kind === 'answer' ? answers : failures;
  counts[name] = (counts[name] ?? 0) + 1;
}
console.log(JSON.stringify({ answers, failures }));

/** An echo server says who it is in its first line: CLUSTER/POD. */
function ask() {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: address, port: Number(port) });
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => end({ kind: 'failure', name: 'ETIMEDOUT' }));
    socket.on('error', (error) => end({ kind: 'failure', name: error.code ?? error.message }));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('\n')) end({ kind: 'answer', name: text.split('\n')[0].trim() });
    });
    socket.on('end', () => end({ kind: 'failure', name: 'closed without an answer' }));
  });
}
