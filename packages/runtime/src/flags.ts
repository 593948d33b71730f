import { MeshError } from './errors.ts';
import { nearestName } from './nearest-name.ts';

export interface Flag {
  readonly flag: string;
  /** One letter that stands for it: `D` for `-D`. */
  readonly short: string | undefined;
  readonly isBoolean: boolean;
}

/**
 * What a command line gives each flag, in order: `--name=value`, `--name value`, `--name` and `-N` of a boolean. As Go's
 * flag packages read it. Throws CONFIG_INVALID for what is no flag of ours, with the name that may be meant.
 */
export function readFlags(flags: readonly Flag[], argv: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const texts = new Map<string, string[]>();
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at] ?? '';
    const [, name = '', assigned] = /^(--?[^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const found = flags.find(({ flag, short }) => name === `--${flag}` || name === `-${short ?? ''}`);
    if (found === undefined || arg === '-') throw unknown(flags, arg, name);
    const text = assigned ?? (found.isBoolean ? 'true' : argv[++at]);
    if (text === undefined) throw new MeshError('CONFIG_INVALID', `--${found.flag} needs a value`);
    texts.set(found.flag, [...(texts.get(found.flag) ?? []), text]);
  }
  return texts;
}

function unknown(flags: readonly Flag[], arg: string, name: string): MeshError {
  if (!name.startsWith('-') || arg === '-' || name === '--') {
    return new MeshError('CONFIG_INVALID', `unexpected argument ${JSON.stringify(arg)}: settings begin with --`);
  }
  const names = flags.map(({ flag }) => flag);
  const near = nearestName(name.replace(/^-+/, ''), names);
  const advice = near === undefined ? '--help lists them' : `did you mean --${near}?`;
  return new MeshError('CONFIG_INVALID', `unknown flag ${name}: ${advice}`);
}

/** As Go reads a boolean; undefined when it is none. */
export function parseBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}
