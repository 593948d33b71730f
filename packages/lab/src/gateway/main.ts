import { aborted, createLogger, defineConfig, runMain } from '@clustermesh/runtime';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { z } from 'zod';

import { createGateway } from './gateway.ts';

const config = defineConfig(z.object({ socket: z.string().describe('unix socket to listen on') }));
const { socket } = config.load({ argv: process.argv.slice(2) });
const log = createLogger('lab-gateway');

await runMain(log, async (signal) => {
  await rm(socket, { force: true });
  const server = createGateway().listen(socket);
  await once(server, 'listening');
  await aborted(signal);
});
