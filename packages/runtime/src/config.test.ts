import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
    debug: z.boolean().default(false).describe('log every key').meta({ short: 'D' }),
    gopsPort: z.coerce.number().optional().describe('no effect: there is no gops').meta({ inert: true }),
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
    { argv: [...needed, '--debug=0'], debug: false },
    { argv: ['-D', ...needed], debug: true },
    { argv: [...needed, '-D=T'], debug: true },
  ])('reads the boolean of $argv as Go does', ({ argv, debug }) => {
    expect(config.load({ argv, env: {} })).toMatchObject({ debug });
  });

  it.each([
    {
      name: 'a missing setting is named',
      argv: ['--cluster-id=1'],
      want: /^--cluster-name \(or CLUSTERMESH_CLUSTER_NAME\): required /,
    },
    { name: 'a value out of range is named', argv: ['--cluster-name=a', '--cluster-id=512'], want: /--cluster-id/ },
    { name: 'every wrong setting is named', argv: ['--cluster-id=0'], want: /--cluster-name.*--cluster-id/ },
    { name: 'an unknown flag is refused', argv: [...needed, '--colour=red'], want: /--colour: --help/ },
    {
      name: 'a flag that is nearly one',
      argv: [...needed, '--heath-port=1'],
      want: /--heath-port: did you mean --health-port/,
    },
    { name: 'an unknown letter', argv: [...needed, '-x'], want: /unknown flag -x/ },
    { name: 'a flag without its value', argv: [...needed, '--health-port'], want: /--health-port needs a value/ },
    { name: 'what is no flag', argv: [...needed, 'east'], want: /unexpected argument "east"/ },
    {
      name: 'an unreadable folder is named',
      argv: [...needed, '--config-dir=/nonexistent'],
      want: /\/nonexistent.*ENOENT/,
    },
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

  it('takes Cilium’s environment too; ours wins, and an empty one of theirs is none', () => {
    const env = { CILIUM_CLUSTER_NAME: 'theirs', CILIUM_CLUSTER_ID: '7', CILIUM_HEALTH_PORT: '' };
    expect(config.load({ argv: [], env })).toMatchObject({ clusterName: 'theirs', clusterId: 7, healthPort: 9880 });
    expect(config.load({ argv: [], env: { ...env, CLUSTERMESH_CLUSTER_NAME: 'ours' } })).toMatchObject({
      clusterName: 'ours',
    });
  });

  it('reads a folder as a ConfigMap is mounted: below all others, and what is not known is another program’s', () => {
    const mount = join(folder, 'mount');
    const data = join(mount, '..2026_data');
    mkdirSync(data, { recursive: true });
    symlinkSync(data, join(mount, '..data'));
    for (const [name, text] of Object.entries({
      'cluster-name': 'folder\n',
      'cluster-id': '9',
      ipam: 'x',
      debug: 'true',
    })) {
      writeFileSync(join(data, name), text);
      symlinkSync(join('..data', name), join(mount, name));
    }
    const want = { clusterName: 'folder', clusterId: 9, healthPort: 9880, debug: true };
    expect(config.load({ argv: ['--config-dir', mount], env: {} })).toEqual(want);
    const env = { CLUSTERMESH_CONFIG_DIR: mount, CLUSTERMESH_CLUSTER_ID: '2' };
    expect(config.load({ argv: ['--debug=false'], env })).toEqual({ ...want, clusterId: 2, debug: false });
  });

  it('tells which settings were given without effect', () => {
    const inert = (...argv: string[]): string[] => config.inert({ argv, env: {} }).map(({ flag }) => flag);
    expect(inert(...needed)).toEqual([]);
    expect(inert(...needed, '--gops-port=9892')).toEqual(['gops-port']);
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
