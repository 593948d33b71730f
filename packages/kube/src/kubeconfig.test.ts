import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { KubeEndpoint } from './kube-endpoint.ts';
import { endpointFromKubeconfig } from './kubeconfig.ts';

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: east
clusters:
  - { name: east, cluster: { server: "https://10.0.0.1:6443", certificate-authority: ca.crt } }
  - { name: west, cluster: { server: "https://west.example:443/k8s", tls-server-name: api, insecure-skip-tls-verify: true } }
  - { name: proxy, cluster: { server: "http://127.0.0.1:8001" } }
contexts:
  - { name: east, context: { cluster: east, user: cert, namespace: shop } }
  - { name: west, context: { cluster: west, user: plugin } }
  - { name: proxied, context: { cluster: proxy, user: token } }
  - { name: broken, context: { cluster: nowhere, user: cert } }
users:
  - { name: cert, user: { client-certificate: tls.crt, client-key-data: ${btoa('KEY')} } }
  - { name: token, user: { token: secret } }
  - name: plugin
    user:
      exec: { apiVersion: client.authentication.k8s.io/v1, command: sh, args: [./plugin] }
`;

let dir: string;
let path: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  path = join(dir, 'config');
  await writeFile(join(dir, 'ca.crt'), 'CA 1');
  await writeFile(join(dir, 'tls.crt'), 'CERT');
  const credential = { status: { token: 'from-plugin' } };
  await writeFile(join(dir, 'plugin'), `echo '${JSON.stringify(credential)}'\n`);
  await writeFile(path, kubeconfig.replace('./plugin', join(dir, 'plugin')));
});
afterAll(() => rm(dir, { recursive: true }));

describe('endpointFromKubeconfig', () => {
  it('takes the current context, with files relative to the kubeconfig, and reads them again each time', async () => {
    const endpoint = await endpointFromKubeconfig({ path });
    expect(endpoint).toMatchObject({ contextName: 'east', namespace: 'shop' });
    expect(endpoint.server.href).toBe('https://10.0.0.1:6443/');
    const first = await endpoint.credentials();
    expect(String(first.tls.ca)).toBe('CA 1');
    expect(String(first.tls.cert)).toBe('CERT');
    expect(first.tls.key).toEqual(Buffer.from('KEY'));
    await writeFile(join(dir, 'ca.crt'), 'CA 2');
    expect(String((await endpoint.credentials()).tls.ca)).toBe('CA 2');
  });

  it('takes a named context, and asks its exec plugin for a token', async () => {
    const endpoint = await endpointFromKubeconfig({ path, context: 'west' });
    expect(endpoint.namespace).toBe('default');
    expect(await endpoint.credentials()).toEqual({
      tls: { servername: 'api', rejectUnauthorized: false },
      headers: { Authorization: 'Bearer from-plugin' },
    });
  });

  describe('while it is in use', () => {
    const user = (fields: object): string =>
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443' } }],
        users: [{ name: 'u', user: fields }],
      });
    let file: string;
    beforeEach(async () => {
      file = join(await mkdtemp(join(dir, 'used-')), 'config');
    });
    const authorization = async (endpoint: KubeEndpoint): Promise<string | undefined> =>
      (await endpoint.credentials()).headers['Authorization'];

    it('reads a token file beside it when that was replaced, as kubelets replace it', async () => {
      const token = join(dirname(file), 'token');
      await writeFile(token, 'one\n');
      await writeFile(file, user({ token: 'unused', tokenFile: 'token' }));
      const endpoint = await endpointFromKubeconfig({ path: file });
      expect(await authorization(endpoint)).toBe('Bearer one');
      await writeFile(`${token}.new`, 'two\n');
      await rename(`${token}.new`, token);
      expect(await authorization(endpoint)).toBe('Bearer two');
    });

    it('takes renewed credentials out of it, and goes on with the old ones while it cannot be read', async () => {
      await writeFile(file, user({ 'client-certificate-data': btoa('ONE') }));
      const endpoint = await endpointFromKubeconfig({ path: file });
      await writeFile(file, '{ "users": [');
      expect(String((await endpoint.credentials()).tls.cert)).toBe('ONE');
      await writeFile(file, user({ 'client-certificate-data': btoa('TWO!') }));
      expect(String((await endpoint.credentials()).tls.cert)).toBe('TWO!');
    });

    it('says what is wrong with it once the old credentials were refused', async () => {
      await writeFile(file, user({ token: 'old' }));
      const endpoint = await endpointFromKubeconfig({ path: file });
      await rm(file);
      expect(await authorization(endpoint)).toBe('Bearer old');
      endpoint.refused?.();
      await expect(endpoint.credentials()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    });

    it('asks the exec plugin anew once its token was refused', async () => {
      const answer = `echo x >>"$0".asked; echo '{"status":{"token":"'$(wc -l <"$0".asked)'"}}'`;
      const plugin = join(dirname(file), 'plugin');
      await writeFile(plugin, answer);
      await writeFile(file, user({ exec: { command: 'sh', args: [plugin] } }));
      const endpoint = await endpointFromKubeconfig({ path: file });
      expect(await authorization(endpoint)).toBe('Bearer 1');
      expect(await authorization(endpoint)).toBe('Bearer 1');
      endpoint.refused?.();
      expect(await authorization(endpoint)).toBe('Bearer 2');
    });

    it('asks the exec plugin anew when its token has expired', async () => {
      const plugin = join(dirname(file), 'plugin');
      const status = { token: 'short', expirationTimestamp: '2020-01-01T00:00:00Z' };
      await writeFile(plugin, `echo x >>"$0".asked; echo '${JSON.stringify({ status })}'`);
      await writeFile(file, user({ exec: { command: 'sh', args: [plugin] } }));
      const endpoint = await endpointFromKubeconfig({ path: file });
      await endpoint.credentials();
      await endpoint.credentials();
      expect(await readFile(`${plugin}.asked`, 'utf8')).toBe('x\nx\n');
    });

    it('follows neither to another server nor to another context', async () => {
      await writeFile(file, user({ token: 'secret' }));
      const endpoint = await endpointFromKubeconfig({ path: file });
      await writeFile(file, user({ token: 'secret' }).replace('10.0.0.1', '10.0.0.20'));
      await expect(endpoint.credentials()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('is at https://10.0.0.20:6443 now, no more at https://10.0.0.1:6443'),
      });
      await writeFile(file, user({ token: 'newer' }).replace('"current-context":"c"', '"current-context":"other"'));
      expect(await authorization(endpoint)).toBe('Bearer newer');
    });
  });

  it('sends no credentials over plain HTTP', async () => {
    const endpoint = await endpointFromKubeconfig({ path, context: 'proxied' });
    expect(await endpoint.credentials()).toEqual({ tls: {}, headers: {} });
  });

  it.each([
    { name: 'a file that is not there', source: { path: '/nonexistent/kubeconfig' }, want: 'load kubeconfig /nonex' },
    { name: 'a context that is not there', source: { context: 'north' }, want: 'no context "north" (it has ' },
    { name: 'a context whose cluster is not there', source: { context: 'broken' }, want: 'context "broken" in ' },
  ])('refuses $name', async ({ source, want }) => {
    const message = expect.stringContaining(want);
    await expect(endpointFromKubeconfig({ path, ...source })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message,
    });
  });
});
