import { parseArgs } from 'node:util';

import { ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';

import type { BenchRow, Effort } from './bench.ts';

export interface Command {
  /** Names of benches, in order; empty: only help was asked for. */
  readonly names: readonly string[];
  /** Given on the command line, instead of what the bench finds normal. */
  readonly effort: Partial<Effort>;
  /** One line of JSON for all of them. */
  readonly joined: boolean;
}

type Benches = Readonly<Record<string, BenchRow>>;

export function usage(benches: Benches): string {
  const width = Math.max(...Object.keys(benches).map((name) => name.length));
  return [
    'Usage: npm run bench -- NAME [options]',
    '',
    'Benches (or "all"):',
    ...Object.entries(benches).map(([name, { summary }]) => `  ${name.padEnd(width)}   ${summary}`),
    '',
    'Options:',
    '  --rounds N    rounds of floor and ours in turn',
    '  --seconds N   measured in each round and on each side',
    '',
    'The last line of the output is one JSON object. Exit code: 0 every target is met, 1 not, 2 wrong usage.',
  ].join('\n');
}

/** Refused: what is wrong, for the line above the usage. */
export function parseCommand(argv: readonly string[], benches: Benches): Result<Command> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { rounds: { type: 'string' }, seconds: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help === true) return ok({ names: [], effort: {}, joined: false });
    const [name, more] = positionals;
    if (name === undefined) return refuse('which bench?');
    if (more !== undefined) return refuse(`one bench at a time, not also ${more}`);
    const joined = name === 'all';
    if (!joined && !Object.hasOwn(benches, name)) return refuse(`there is no bench ${name}`);
    const effort = { ...count('rounds', values.rounds), ...count('seconds', values.seconds) };
    return ok({ names: joined ? Object.keys(benches) : [name], effort, joined });
  } catch (error) {
    return refuse((error as { readonly message: string }).message);
  }
}

function count(name: keyof Effort, text: string | undefined): Partial<Effort> {
  if (text === undefined) return {};
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new RangeError(`--${name} is a number from 1 to 9999, not ${text}`);
  return { [name]: Number(text) };
}
