import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { readEtcdClientFile } from './connect.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'etcd-client-file-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('readEtcdClientFile', () => {
  it('reads the file, with paths relative to it', async () => {
    const path = join(folder, 'etcd-config.yaml');
    writeFileSync(path, 'endpoints: ["https://127.0.0.1:2379"]\ntrusted-ca-file: ca.crt\n');
    expect(await readEtcdClientFile(path)).toMatchObject({ tls: { ca: join(folder, 'ca.crt') } });
  });

  it('names a file that is wrong, and what is', async () => {
    const path = join(folder, 'wrong.yaml');
    writeFileSync(path, 'endpoints: []\n');
    await expect(readEtcdClientFile(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(`^${path}: endpoints: `),
    });
  });

  it('names a file that is not there, which may come later', async () => {
    await expect(readEtcdClientFile('/nonexistent')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      retryable: true,
      message: 'read the etcd client file /nonexistent',
    });
  });
});
