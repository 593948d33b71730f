import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { collect } from './collect.ts';
import { fakeCli } from './testing/fake-run.ts';
import { unusedProvider } from './testing/unused-provider.ts';

const topology = { clusters: [{ name: 'east', id: 1, nodes: 1, ipFamilies: ['IPv4' as const] }] };

describe('collect', () => {
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'collect-')), 'demo');
  });
  afterEach(() => {
    rmSync(join(folder, '..'), { recursive: true });
  });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

  it('writes logs, and what each cluster shows; what cannot be had says why', async () => {
    const cli = fakeCli({ 'status --context east': 'west stale\n' });
    const provider = { ...unusedProvider, ...cli, collectLogs: () => Promise.reject(new Error('disk full')) };
    await collect(provider, topology, folder);
    expect(read('east-status.txt')).toBe('west stale\n');
    expect(read('east-inspect-ipcache.txt')).toMatch(/^error: no answer to inspect ipcache/);
    expect(read('logs.txt')).toBe('disk full\n');
  });

  it('leaves nothing of an earlier run', async () => {
    await mkdir(folder, { recursive: true });
    writeFileSync(join(folder, 'old.txt'), '');
    const collectLogs = (directory: string): Promise<void> =>
      mkdir(directory, { recursive: true }).then(() => undefined);
    await collect({ ...unusedProvider, ...fakeCli({}), collectLogs }, topology, folder);
    expect(existsSync(join(folder, 'old.txt'))).toBe(false);
    expect(existsSync(join(folder, 'logs'))).toBe(true);
  });
});
