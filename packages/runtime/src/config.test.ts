import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { defineConfig } from './config.ts';

const config = defineConfig(
  z.object({
    clusterName: z.string().describe('name of this cluster'),
    clusterId: z.coerce.number().int().min(1).max(511).describe('number of this cluster'),
    healthPort: z.coerce.number().default(9880).describe('port of /readyz'),
    debug: z.boolean().default(false).describe('log every key'),
  }),
);
const needed = ['--cluster-name', 'east', '--cluster-id=1'];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('defineConfig', () => {
  it('takes defaults, then the file, then the environment, then flags', () => {
    const file = join(folder, 'config.yaml');
    writeFileSync(file, 'clusterName: file\nclusterId: 3\nhealthPort: 1\n');
    const loaded = config.load({
      argv: ['--config', file, '--cluster-name', 'flag'],
      env: { CLUSTERMESH_CLUSTER_ID: '7', UNRELATED: 'x' },
    });
    expect(loaded).toEqual({ clusterName: 'flag', clusterId: 7, healthPort: 1, debug: false });
  });

  it.each([
    { argv: [...needed, '--debug'], debug: true },
    { argv: [...needed, '--debug=false'], debug: false },
  ])('reads the boolean of $argv as Go does', ({ argv, debug }) => {
    expect(config.load({ argv, env: {} })).toMatchObject({ debug });
  });

  it.each([
    {
      name: 'a missing setting is named',
      argv: ['--cluster-id=1'],
      want: /--cluster-name \(or CLUSTERMESH_CLUSTER_NAME\)/,
    },
    { name: 'a value out of range is named', argv: ['--cluster-name=a', '--cluster-id=512'], want: /--cluster-id/ },
    { name: 'every wrong setting is named', argv: ['--cluster-id=0'], want: /--cluster-name.*--cluster-id/ },
    { name: 'an unknown flag is refused', argv: [...needed, '--colour=red'], want: /--colour/ },
    {
      name: 'a boolean takes true or false only',
      argv: [...needed, '--debug=maybe'],
      want: /--debug must be true or false/,
    },
    {
      name: 'an unreadable file is named',
      argv: [...needed, '--config', '/nonexistent.yaml'],
      want: /\/nonexistent.yaml.*ENOENT/,
    },
  ])('$name', ({ argv, want }) => {
    expect(() => config.load({ argv, env: {} })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    try {
      config.load({ argv, env: {} });
    } catch (error) {
      const { message, cause } = error as Error;
      expect(`${message} ${String(cause)}`).toMatch(want);
    }
  });

  it('adds up a list that is given in several flags; of anything else the last one counts', () => {
    const lists = defineConfig(
      z.object({
        zones: z.string().default('').describe('zones of this cluster').meta({ repeatable: true }),
        name: z.string().default('').describe('its name'),
      }),
    );
    const argv = ['--zones=a', '--name=first', '--zones', 'b,c', '--name=last'];
    expect(lists.load({ argv, env: {} })).toEqual({ zones: 'a,b,c', name: 'last' });
    expect(lists.options[0]).toMatchObject({ isRepeatable: true, description: 'zones of this cluster' });
  });

  it('refuses an unknown key of the file', () => {
    const file = join(folder, 'unknown.yaml');
    writeFileSync(file, 'colour: red\n');
    expect(() => config.load({ argv: [...needed, '--config', file], env: {} })).toThrow(/unknown setting colour/);
  });

  it('lists every flag with its default in the help', () => {
    expect(config.help('usage: x')).toMatch(/--health-port +port of \/readyz \(default 9880\)/);
  });

  it('shows no default that is empty, and what is required', () => {
    const { help } = defineConfig(z.object({ nodeIp: z.string().default('').describe('by default routing chooses') }));
    expect(help('usage: x')).not.toMatch(/\(default/);
    expect(config.help('usage: x')).toMatch(/name of this cluster \(required\)$/m);
  });
});
