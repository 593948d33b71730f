// Serves and talks, as it is told: a request a line on stdin, its answer a line on stdout. A server gives back what it is
// sent. A request that is not answered in `waitMs` is answered with TIMEOUT.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const sockets = new Map();

const operations = {
  async serve({ port }) {
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
    const datagrams = createSocket({ type: 'udp6' });
    datagrams.on('message', (bytes, from) => datagrams.send(bytes, from.port, from.address));
    datagrams.bind(port, '::');
    server.listen(port, '::');
    await Promise.all([once(server, 'listening'), once(datagrams, 'listening')]);
    return 'serving';
  },

  async tcp({ host, port, keep }) {
    const socket = connect({ host, port });
    socket.on('error', () => socket.destroy());
    sockets.set(keep, socket);
    await once(socket, 'connect');
    return operations.say({ keep, bytes: 5 });
  },

  /** On a connection that is there: how many bytes came back. */
  async say({ keep, bytes }) {
    const socket = sockets.get(keep);
    let left = bytes;
    const back = new Promise((resolve) => {
      socket.on('data', function count(data) {
        left -= data.length;
        if (left > 0) return;
        socket.off('data', count);
        resolve(bytes);
      });
    });
    socket.write(Buffer.alloc(bytes, 'x'));
    return back;
  },

  /** Sends datagrams until one comes back: the system learns from the first what fits. */
  async udp({ host, port, bytes = 5 }) {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', () => undefined);
    const send = () => socket.send(Buffer.alloc(bytes, 'x'), port, host, () => undefined);
    const again = setInterval(send, 250);
    send();
    try {
      const [message] = await once(socket, 'message');
      return message.length;
    } finally {
      clearInterval(again);
      socket.close();
    }
  },
};

function within(waitMs, promise) {
  const late = new Promise((resolve) => setTimeout(() => resolve('TIMEOUT'), waitMs).unref());
  return Promise.race([promise.catch((error) => error.code ?? error.message), late]);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { op, waitMs, ...request } = JSON.parse(line);
  console.log(JSON.stringify(await within(waitMs, operations[op](request))));
}
process.exit();
