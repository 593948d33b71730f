import { aborted, createLogger, defineConfig, runMain } from '@clustermesh/runtime';
import { z } from 'zod';

import { serveEcho } from './echo-server.ts';
import { whoSchema } from './who.ts';

const config = defineConfig(
  z.object({
    port: z.coerce.number().int().default(8080).describe('TCP and UDP port to listen on'),
    ...whoSchema,
  }),
  '',
);
const { port, ...who } = config.load({ argv: process.argv.slice(2) });

await runMain(createLogger('echo'), async (signal) => {
  await using _server = await serveEcho(port, who);
  await aborted(signal);
});
