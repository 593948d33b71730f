import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import { clustermeshJson } from '../run.ts';
import type { Run } from '../run.ts';
import type { ExpectationVerb } from '../verb.ts';

const rowsOutput = z.array(z.record(z.string(), z.unknown()));

const params = z.strictObject({
  of: z.string(),
  what: z.enum(['backends', 'clusters', 'identities', 'ipcache', 'nodes', 'services']),
  /** Column → text; one that ends in `*` is how the text begins. */
  where: z.record(z.string(), z.string()),
  atLeast: z.number().int().min(0).default(1),
  atMost: z.number().int().min(0).default(Number.MAX_SAFE_INTEGER),
});

export const inspected: ExpectationVerb<z.output<typeof params>> = {
  name: 'inspected',
  summary:
    '`clustermesh inspect` of all agents of a cluster has `atLeast` (1) and `atMost` so many rows with these columns (`shop/*`: begins with `shop/`)',
  params,
  clusters: ({ of }) => [of],
  commands: ({ of, what }) => [`clustermesh inspect ${what} --context ${of}`],
  check: async ({ of, what, where, atLeast, atMost }, run) => {
    const count = await countRows(run, { of, what, where });
    const columns = Object.entries(where).map(([column, text]) => `${column} ${text}`);
    return { isMet: count >= atLeast && count <= atMost, seen: `${count} ${what} of ${of} with ${columns.join(', ')}` };
  },
};

const sameParams = z.strictObject({
  of: z.string(),
  what: params.shape.what,
  columns: z.array(z.string()).min(1),
  where: params.shape.where.default({}),
});

export const same: ExpectationVerb<z.output<typeof sameParams>> = {
  name: 'same',
  summary:
    '`clustermesh inspect` has the same rows, as far as these columns go, as when this was first looked at; then it must have some',
  params: sameParams,
  clusters: ({ of }) => [of],
  commands: ({ of, what }) => [`clustermesh inspect ${what} --context ${of}`],
  check: async ({ of, what, columns, where }, run) => {
    const found = await findRows(run, { of, what, where });
    mustHave(found, what, columns);
    const now = [...new Set(found.map((row) => columns.map((column) => String(row[column])).join(' ')))].sort();
    const asked = JSON.stringify({ of, what, columns, where });
    if (!run.remembered.has(asked) && now.length > 0) run.remembered.set(asked, now.join('\n'));
    const isMet = now.length > 0 && run.remembered.get(asked) === now.join('\n');
    return { isMet, seen: `${isMet ? 'the same' : 'other'} ${now.length} ${what} of ${of}` };
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

interface Query {
  readonly of: string;
  readonly what: string;
  /** Column → text. */
  readonly where: Readonly<Record<string, string>>;
}

async function countRows(run: Run, query: Query): Promise<number> {
  return (await findRows(run, query)).length;
}

async function findRows(run: Run, { of, what, where }: Query): Promise<z.output<typeof rowsOutput>> {
  const rows = rowsOutput.parse(await clustermeshJson(run, ['inspect', what, '--context', of]));
  mustHave(rows, what, Object.keys(where));
  return rows.filter((row) => Object.entries(where).every(([column, text]) => fits(String(row[column]), text)));
}

function fits(found: string, text: string): boolean {
  return text.endsWith('*') ? found.startsWith(text.slice(0, -1)) : found === text;
}

/** A column that is not there would be equal to nothing, and to itself, for ever. */
function mustHave(rows: z.output<typeof rowsOutput>, what: string, columns: readonly string[]): void {
  const [first] = rows;
  const missing = columns.filter((column) => first !== undefined && !(column in first));
  if (missing.length > 0)
    throw new MeshError('SCENARIO_INVALID', `inspect ${what} has no column ${missing.join(', ')}`);
}
