import { aborted, createLogger, defineConfig, runMain } from '@clustermesh/runtime';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { z } from 'zod';

/** Says who it is (`CLUSTER/POD`, then the node) and then echoes, so that a connection can be seen to live on. */
const config = defineConfig(
  z.object({
    port: z.coerce.number().int().default(8080).describe('TCP port to listen on'),
    clusterName: z.string().default('').describe('cluster that this program runs in'),
    nodeName: z.string().default('').describe('node that this program runs on'),
    podName: z.string().default('').describe('pod that this program runs in'),
  }),
  '',
);
const { port, clusterName, nodeName, podName } = config.load({ argv: process.argv.slice(2) });

await runMain(createLogger('echo'), async (signal) => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${clusterName}/${podName}\n${nodeName}\n`);
    socket.pipe(socket);
  });
  server.listen(port, '0.0.0.0');
  await once(server, 'listening');
  await aborted(signal);
});
