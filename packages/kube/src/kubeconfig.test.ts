import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
