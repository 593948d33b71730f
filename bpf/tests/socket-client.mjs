// Talks over sockets as it is told: a list of requests a line on stdin, the list of their answers a line on stdout.
// The socket of a request with a `keep` stays open, for later requests with the same.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** A busy machine may stand still for seconds. */
const patienceMs = 15_000;
const sockets = new Map();

const operations = {
  /** Connects and waits for the first bytes. */
  async tcp({ host, port, keep }) {
    const socket = connect({ host, port });
    const ending = endOf(socket, 'close');
    await soon(once(socket, 'connect'));
    const peer = `${socket.remoteAddress} ${socket.remotePort}`;
    const [answer] = await soon(once(socket, 'data'));
    retain(keep, socket, ending, () => socket.destroy());
    return { answer: String(answer), peer };
  },

  /** Sends a datagram to an address and waits for one. */
  async udp({ family, host, port, keep }) {
    const socket = sockets.get(keep)?.socket ?? createSocket(`udp${family}`);
    const answered = await asked(socket, port, host);
    retain(keep, socket, undefined, () => socket.close());
    return answered;
  },

  /** Connects a datagram socket first. */
  async connectedUdp({ family, host, port, keep }) {
    const socket = createSocket(`udp${family}`);
    socket.connect(port, host);
    await soon(once(socket, 'connect'));
    const ending = endOf(socket, 'error');
    const { address, port: peerPort } = socket.remoteAddress();
    const answered = await asked(socket);
    retain(keep, socket, ending, () => socket.close());
    return { ...answered, peer: `${address} ${peerPort}` };
  },

  /** How a kept socket ended; `open` while it has not. */
  async end({ keep, waitMs }) {
    const open = new Promise((resolve) => setTimeout(() => resolve({ end: 'open' }), waitMs));
    return Promise.race([sockets.get(keep).ending, open]);
  },
};

async function asked(socket, ...to) {
  const message = once(socket, 'message');
  const sent = new Promise((resolve, reject) =>
    socket.send('hello', ...to, (error) => (error ? reject(error) : resolve())),
  );
  const [, [answer, from]] = await soon(Promise.all([sent, message]));
  return { answer: String(answer), from: `${from.address} ${from.port}` };
}

function endOf(socket, event) {
  return new Promise((resolve) => {
    socket.on('error', (error) => resolve({ end: error.code }));
    if (event === 'close') socket.on('close', () => resolve({ end: 'closed' }));
  });
}

function retain(keep, socket, ending, close) {
  if (keep === undefined) close();
  else sockets.set(keep, { socket, ending });
}

function soon(promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(Object.assign(new Error('no answer'), { code: 'TIMEOUT' })), patienceMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const answers = [];
  for (const request of JSON.parse(line)) {
    const failed = (error) => ({ error: error.code ?? error.message });
    answers.push(await operations[request.op](request).catch(failed));
  }
  console.log(JSON.stringify(answers));
}
process.exit();
