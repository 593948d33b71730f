import { z } from 'zod';

import { clustermeshJson } from '../run.ts';
import type { Run } from '../run.ts';
import type { ExpectationVerb } from '../verb.ts';

const rowsOutput = z.array(z.record(z.string(), z.unknown()));

const params = z.strictObject({
  of: z.string(),
  what: z.enum(['backends', 'clusters', 'identities', 'ipcache', 'nodes', 'services']),
  /** Column → text. */
  where: z.record(z.string(), z.string()),
  atLeast: z.number().int().min(0).default(1),
  atMost: z.number().int().min(0).default(Number.MAX_SAFE_INTEGER),
});

export const inspected: ExpectationVerb<z.output<typeof params>> = {
  name: 'inspected',
  summary:
    '`clustermesh inspect` of all agents of a cluster has `atLeast` (1) and `atMost` so many rows with these columns',
  params,
  clusters: ({ of }) => [of],
  commands: ({ of, what }) => [`clustermesh inspect ${what} --context ${of}`],
  check: async ({ of, what, where, atLeast, atMost }, run) => {
    const count = await countRows(run, { of, what, where });
    const columns = Object.entries(where).map(([column, text]) => `${column} ${text}`);
    return { isMet: count >= atLeast && count <= atMost, seen: `${count} ${what} of ${of} with ${columns.join(', ')}` };
  },
};

const drainedParams = z.strictObject({ of: z.string(), cluster: z.string() });

export const drained: ExpectationVerb<z.output<typeof drainedParams>> = {
  name: 'drained',
  summary: 'no address of a cluster is left in the maps of any agent of another',
  params: drainedParams,
  clusters: ({ of, cluster }) => [of, cluster],
  commands: ({ of }) => [`clustermesh inspect ipcache --context ${of}`],
  check: async ({ of, cluster }, run) => {
    const left = await countRows(run, { of, what: 'ipcache', where: { cluster } });
    return { isMet: left === 0, seen: `${left} addresses of ${cluster} in the maps of ${of}` };
  },
};

async function countRows(
  run: Run,
  { of, what, where }: { readonly of: string; readonly what: string; readonly where: Readonly<Record<string, string>> },
): Promise<number> {
  const rows = rowsOutput.parse(await clustermeshJson(run, ['inspect', what, '--context', of]));
  return rows.filter((row) => Object.entries(where).every(([column, text]) => String(row[column]) === text)).length;
}
