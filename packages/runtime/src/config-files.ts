import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';

import { MeshError } from './errors.ts';

/** The YAML file of `--config`: a mapping of settings. Throws CONFIG_INVALID. */
export function readConfigFile(path: string): Readonly<Record<string, unknown>> {
  try {
    const content: unknown = parseYaml(readFileSync(path, 'utf8')) ?? {};
    if (typeof content !== 'object' || Array.isArray(content)) throw new Error('must be a mapping of settings');
    return content as Record<string, unknown>;
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', `read configuration file ${path}`, { cause: error });
  }
}

/**
 * The folder of `--config-dir`, one file a setting: its name is the flag's, its text the value. This is how a ConfigMap is
 * mounted, with links beside the files that begin with a dot. Throws CONFIG_INVALID.
 */
export function readConfigFolder(path: string): ReadonlyMap<string, string> {
  try {
    const names = readdirSync(path).filter((name) => !name.startsWith('.') && statSync(join(path, name)).isFile());
    return new Map(names.map((name) => [name, readFileSync(join(path, name), 'utf8').trim()]));
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', `read configuration folder ${path}`, { cause: error });
  }
}
