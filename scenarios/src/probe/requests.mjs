/**
 * Sends requests to one address, each from a socket of its own, and prints what answered as one line of JSON:
 * {"answers":{"east/echo-1":3},"failures":{"ECONNREFUSED":1},"slowestFailureMs":2}. Plain JavaScript without imports of
 * ours, so that it starts in a few milliseconds and runs in any image that has Node.
 * usage: node requests.mjs --address 10.101.0.9 --port 80 [--protocol UDP] [--requests 30] [--socket unconnected]
 *   [--peer 10.101.0.9]: what the other side of a connection must look like
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { parseArgs } from 'node:util';

const timeoutMs = 1_000;
const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    port: { type: 'string' },
    protocol: { type: 'string', default: 'TCP' },
    requests: { type: 'string', default: '30' },
    socket: { type: 'string', default: 'connected' },
    peer: { type: 'string' },
  },
});
const { address, protocol, peer: wantedPeer } = values;
const port = Number(values.port);
const answers = {};
const failures = {};
let slowestFailureMs = 0;

for (let request = 0; request < Number(values.requests); request++) {
  const began = performance.now();
  const { kind, name } = await (protocol === 'UDP' ? askByDatagram() : askByConnection());
  const counts = kind === 'answer' ? answers : failures;
  counts[name] = (counts[name] ?? 0) + 1;
  if (kind === 'failure') slowestFailureMs = Math.max(slowestFailureMs, performance.now() - began);
}
console.log(JSON.stringify({ answers, failures, slowestFailureMs }));

/** An echo server says who it is in its first line: CLUSTER/POD. */
function askByConnection() {
  return new Promise((resolve) => {
    let text = '';
    let peer;
    const socket = connect({ host: address, port });
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => end({ kind: 'failure', name: 'ETIMEDOUT' }));
    socket.on('error', (error) => end({ kind: 'failure', name: error.code ?? error.message }));
    socket.on('connect', () => (peer = socket.remoteAddress));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!text.includes('\n')) return;
      if (wantedPeer !== undefined && peer !== wantedPeer) end({ kind: 'failure', name: `connected to ${peer}` });
      else end({ kind: 'answer', name: text.split('\n')[0].trim() });
    });
    socket.on('end', () => end({ kind: 'failure', name: 'closed without an answer' }));
  });
}

/** Each datagram is answered with `CLUSTER/POD NODE` and what was sent. */
function askByDatagram() {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (result) => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => end({ kind: 'failure', name: 'ETIMEDOUT' }), timeoutMs);
    socket.on('error', (error) => end({ kind: 'failure', name: error.code ?? error.message }));
    socket.on('message', (message, sender) => {
      if (sender.address !== address) end({ kind: 'failure', name: `answered by ${sender.address}` });
      else end({ kind: 'answer', name: message.toString('latin1').split(/\s/)[0] });
    });
    if (values.socket === 'unconnected') socket.send('who', port, address);
    else socket.connect(port, address, () => socket.send('who'));
  });
}
