// Answers every connection with its name, the client's address and `padding` more bytes, then closes.
import { createServer } from 'node:net';

const [name, host, port, padding] = process.argv.slice(2);
const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.end(`${name} ${socket.remoteAddress} ${'x'.repeat(Number(padding))}`);
});
server.listen(Number(port), host, () => console.log('listening'));
