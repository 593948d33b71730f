/** Every backend of every service: one server behind all addresses. */
import { createServer } from 'node:net';

import { serve } from '../../floors/serve.ts';
import { backendPort } from './local-cluster.ts';

const answers = {
  listen: async (): Promise<void> => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      // The client closes after the server: no port of the client is left waiting.
      socket.end('ok');
    });
    await new Promise<void>((resolve) => server.listen(backendPort, '0.0.0.0', 4_096, resolve));
  },
};

export type Backends = typeof answers;

serve(answers);
