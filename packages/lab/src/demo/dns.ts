import { aborted, createLogger, defineConfig, runMain } from '@clustermesh/runtime';
import { networkInterfaces } from 'node:os';
import { z } from 'zod';

import { addressRecord, txtRecord } from './dns-message.ts';
import type { DnsRecord } from './dns-message.ts';
import { serveDns } from './dns-server.ts';
import { whoSchema } from './who.ts';

/** A name server that knows the name `who.`: TXT says which pod of which cluster it is, A and AAAA are its addresses. */
const config = defineConfig(
  z.object({
    port: z.coerce.number().int().default(5353).describe('TCP and UDP port to listen on'),
    ...whoSchema,
  }),
  '',
);
const { port, clusterName, podName } = config.load({ argv: process.argv.slice(2) });

await runMain(createLogger('dns'), async (signal) => {
  const records: readonly DnsRecord[] = [txtRecord(`${clusterName}/${podName}`), ...ownAddresses().map(addressRecord)];
  await using _server = await serveDns(port, (name) => (name === 'who.' ? records : undefined));
  await aborted(signal);
});

function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0).map(({ address }) => address);
}
