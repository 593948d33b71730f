import { aborted, createLogger, defineConfig, runMain } from '@clustermesh/runtime';
import { z } from 'zod';

import { serveEcho } from './echo-server.ts';
import { whoSchema } from './who.ts';

const config = defineConfig(
  z.object({
    port: z.coerce.number().int().default(8080).describe('TCP and UDP port to listen on'),
    morePorts: z.string().default('').describe('further ones, separated by commas'),
    ...whoSchema,
  }),
  '',
);
const { port, morePorts, ...who } = config.load({ argv: process.argv.slice(2) });

await runMain(createLogger('echo'), async (signal) => {
  await using stack = new AsyncDisposableStack();
  const ports = [
    port,
    ...morePorts
      .split(',')
      .filter((text) => text !== '')
      .map(Number),
  ];
  for (const server of await Promise.all(ports.map((one) => serveEcho(one, who)))) stack.use(server);
  await aborted(signal);
});
