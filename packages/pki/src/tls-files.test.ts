import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readTlsFiles } from './tls-files.ts';

describe('readTlsFiles', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tls-files-'));
    for (const name of ['ca', 'cert', 'key']) await writeFile(join(folder, name), name);
  });
  afterAll(() => rm(folder, { recursive: true }));
  const path = (name: string): string => join(folder, name);

  it('reads the CA alone or with a client certificate', async () => {
    expect(await readTlsFiles({ ca: path('ca') })).toEqual({ ca: Buffer.from('ca') });
    expect(await readTlsFiles({ ca: path('ca'), cert: path('cert'), key: path('key') })).toEqual({
      ca: Buffer.from('ca'),
      cert: Buffer.from('cert'),
      key: Buffer.from('key'),
    });
  });

  it.each([
    [{ ca: 'gone' }, 'the trusted CA file', 'does not exist'],
    [{ ca: 'ca/x' }, 'the trusted CA file', 'does not exist'],
    [{ ca: 'ca', cert: 'gone' }, 'the client certificate file', 'does not exist'],
    [{ ca: 'ca', cert: 'cert', key: '.' }, 'the client key file', 'is a directory'],
  ])('says which of %p is missing', async (names, what, why) => {
    const paths = Object.fromEntries(Object.entries(names).map(([kind, name]) => [kind, path(name)]));
    const message = expect.stringMatching(`^${what} ${folder}.* ${why}$`) as unknown;
    await expect(readTlsFiles(paths as { ca: string })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      retryable: true,
      message,
    });
  });
});
