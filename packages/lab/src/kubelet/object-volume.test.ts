import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ObjectVolume } from './object-volume.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'object-volume-'));
});
afterEach(() => rm(directory, { recursive: true }));

function files(content: Record<string, string>): ReadonlyMap<string, Buffer> {
  return new Map(Object.entries(content).map(([path, text]) => [path, Buffer.from(text)]));
}

async function names(): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !name.startsWith('..')).sort();
}

describe('ObjectVolume', () => {
  it('shows files through a link to a directory that is replaced as a whole', async () => {
    const volume = new ObjectVolume(directory);
    await volume.write(files({ a: '1', b: '2' }));
    const before = await readlink(join(directory, '..data'));
    await volume.write(files({ a: '3', c: '4' }));
    expect(await readlink(join(directory, '..data'))).not.toBe(before);
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('3');
    expect(await names()).toEqual(['a', 'c']);
    expect((await readdir(directory)).filter((name) => name.startsWith('..v'))).toHaveLength(1);
  });

  it('changes nothing when the content is the same', async () => {
    const volume = new ObjectVolume(directory);
    await volume.write(files({ a: '1' }));
    const before = await readlink(join(directory, '..data'));
    await volume.write(files({ a: '1' }));
    expect(await readlink(join(directory, '..data'))).toBe(before);
  });

  it('goes on with a directory of an earlier run, and takes away names that are gone', async () => {
    await new ObjectVolume(directory).write(files({ a: '1', b: '2' }));
    await new ObjectVolume(directory).write(files({ b: '3' }));
    expect(await names()).toEqual(['b']);
    expect(await readFile(join(directory, 'b'), 'utf8')).toBe('3');
  });

  it('makes directories for paths', async () => {
    await new ObjectVolume(directory).write(files({ 'sub/file': 'x' }));
    expect(await readFile(join(directory, 'sub/file'), 'utf8')).toBe('x');
  });
});
