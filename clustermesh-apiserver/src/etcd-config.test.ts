import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readEtcdConfig } from './etcd-config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'etcd-config-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(text: string): string {
  const path = join(folder, 'etcd-config.yaml');
  writeFileSync(path, text);
  return path;
}

describe('readEtcdConfig', () => {
  it('reads the file that Cilium’s chart writes', async () => {
    const path = file(
      'endpoints:\n- https://127.0.0.1:2379\ntrusted-ca-file: /s/ca.crt\nkey-file: /s/tls.key\ncert-file: tls.crt\n',
    );
    expect(await readEtcdConfig(path)).toEqual({
      endpoints: ['https://127.0.0.1:2379'],
      tls: { ca: '/s/ca.crt', cert: join(folder, 'tls.crt'), key: '/s/tls.key' },
    });
  });

  it('connects without TLS where no CA is named', async () => {
    expect(await readEtcdConfig(file('endpoints: ["http://127.0.0.1:2379"]'))).toEqual({
      endpoints: ['http://127.0.0.1:2379'],
      tls: undefined,
    });
  });

  it.each([
    { name: 'no endpoints', text: 'trusted-ca-file: /s/ca.crt', says: /endpoints: / },
    { name: 'an empty list', text: 'endpoints: []', says: /endpoints: / },
    { name: 'no mapping', text: 'just text', says: /etcd-config.yaml/ },
    { name: 'no YAML', text: '{', says: /etcd-config.yaml/ },
  ])('refuses a file with $name', async ({ text, says }) => {
    const path = file(text);
    await expect(readEtcdConfig(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(says),
    });
  });

  it('names a file that is not there', async () => {
    await expect(readEtcdConfig('/nonexistent')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('/nonexistent'),
    });
  });
});
