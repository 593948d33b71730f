import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '@oclif/core';

const root = join(import.meta.dirname, '../..');

/** What commands run with, of the sources: as bin/start.js loads them, with no build needed. */
export function loadConfig(): Promise<Config> {
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Config['pjson'];
  pjson.oclif.commands = { strategy: 'explicit', target: './src/commands.ts', identifier: 'commands' };
  return Config.load({ root, pjson });
}
