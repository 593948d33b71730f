import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCa, issueCertificate } from '@clustermesh/pki';
import { FakeClock, silentLogger } from '@clustermesh/runtime';
import { tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import { CredentialsFolder } from './credentials-folder.ts';

describe('CredentialsFolder', () => {
  let folder: TempDir;
  const clock = new FakeClock();
  beforeEach(async () => {
    folder = await tempDir('credentials');
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  const write = (files: Readonly<Record<string, string>>): Promise<unknown> =>
    Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder.path, name), text)));
  const open = (path = folder.path): Promise<CredentialsFolder> =>
    CredentialsFolder.open(path, { clock, log: silentLogger });
  const none = { username: undefined, password: undefined };

  it('takes what is there, without the end of a line', async () => {
    await write({ username: 'agent\n', password: ' a b\r\n', 'sentinel-password': 's' });
    expect(await (await open()).read()).toEqual({
      ...{ username: 'agent', password: ' a b', tls: undefined },
      sentinel: { username: undefined, password: 's' },
    });
  });

  it('knows nobody where nothing is, as before its Secret is made, and who it is afterwards', async () => {
    const credentials = await open(join(folder.path, 'later'));
    expect(await credentials.read()).toEqual({ ...none, tls: undefined, sentinel: none });
    await mkdir(join(folder.path, 'later'));
    await write({ 'later/password': 'secret' });
    expect(await credentials.read()).toMatchObject({ password: 'secret' });
  });

  it('takes renewed files with the next connection, and keeps the former ones while a pair is half written', async () => {
    const ca = await createCa({ commonName: 'redis', days: 1, clock });
    const issue = () => issueCertificate(ca, { commonName: 'agent', days: 1, clock, usages: ['client'] });
    const [first, second] = [await issue(), await issue()];
    await write({ 'ca.crt': ca.certPem, 'tls.crt': first.certPem, 'tls.key': first.keyPem, password: 'old' });
    const credentials = await open();
    expect((await credentials.read()).tls?.cert?.toString()).toBe(first.certPem);
    await write({ 'tls.crt': second.certPem, password: 'new' });
    expect(await credentials.read()).toMatchObject({ password: 'old', tls: { key: Buffer.from(first.keyPem) } });
    await write({ 'tls.key': second.keyPem });
    expect(await credentials.read()).toMatchObject({ password: 'new', tls: { cert: Buffer.from(second.certPem) } });
  });

  it.each([
    { name: 'a key without a certificate', files: { 'tls.key': 'x' }, want: 'a client key but no client certificate' },
    { name: 'an authority that is none', files: { 'ca.crt': 'x' }, want: 'no readable PEM certificate' },
  ])('refuses $name, and names the folder', async ({ files, want }) => {
    await write(files);
    await expect(open()).rejects.toMatchObject({ code: 'TLS_INVALID', message: expect.stringContaining(folder.path) });
    await expect(open()).rejects.toThrow(want);
  });

  it('says which file it cannot read', async () => {
    await mkdir(join(folder.path, 'password'));
    await expect(open()).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: `read the credentials file ${join(folder.path, 'password')}`,
    });
  });
});
