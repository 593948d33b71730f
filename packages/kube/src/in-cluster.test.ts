import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { endpointInCluster } from './in-cluster.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'service-account-'));
  await writeFile(join(directory, 'ca.crt'), 'CA');
  await writeFile(join(directory, 'token'), 'one\n');
  await writeFile(join(directory, 'namespace'), 'mesh');
});
afterAll(() => rm(directory, { recursive: true }));

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

describe('endpointInCluster', () => {
  it('is the API that the environment names, in the namespace of the pod', async () => {
    const endpoint = await endpointInCluster({ directory, env });
    expect(endpoint).toMatchObject({ contextName: 'in-cluster', namespace: 'mesh' });
    expect(endpoint.server.href).toBe('https://10.96.0.1/');
  });

  it('takes an IPv6 address and another port', async () => {
    const endpoint = await endpointInCluster({
      directory,
      env: { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' },
    });
    expect(endpoint.server.href).toBe('https://[fd00::1]:6443/');
  });

  it('reads the token again each time: kubelets rotate it', async () => {
    const endpoint = await endpointInCluster({ directory, env });
    expect(await endpoint.credentials()).toEqual({
      tls: { ca: Buffer.from('CA') },
      headers: { Authorization: 'Bearer one' },
    });
    await writeFile(join(directory, 'token'), 'two');
    expect((await endpoint.credentials()).headers).toEqual({ Authorization: 'Bearer two' });
  });

  it('says what is missing', async () => {
    await expect(endpointInCluster({ directory, env: {} })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const elsewhere = await endpointInCluster({ directory: join(directory, 'none'), env });
    expect(elsewhere.namespace).toBe('default');
    await expect(elsewhere.credentials()).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});
