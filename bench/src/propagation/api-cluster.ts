import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestCa, freePort, tempDir } from '@clustermesh/testkit';

import type { BenchEtcd } from './etcds.ts';
import { startProgram, untilReady } from './programs.ts';

/** A cluster that begins at its Kubernetes API, in memory over HTTPS; its apiserver publishes into `etcd`. */
export interface ApiCluster {
  readonly kubeconfig: string;
}

export async function startApiCluster(
  stack: AsyncDisposableStack,
  { name, id, etcd }: { readonly name: string; readonly id: number; readonly etcd: BenchEtcd },
  signal: AbortSignal,
): Promise<ApiCluster> {
  const dir = stack.use(await tempDir(`bench-${name}`));
  const { kubeconfig } = await startKubeApi(stack, dir.path);
  const etcdConfig = join(dir.path, 'etcd-config.yaml');
  await writeFile(etcdConfig, etcd.clientFile);
  const healthPort = await freePort();
  const apiserver = startProgram(stack, 'clustermesh-apiserver/src/main.ts', {
    'cluster-name': name,
    'cluster-id': id,
    'etcd-config': etcdConfig,
    kubeconfig,
    'health-host': '127.0.0.1',
    'health-port': healthPort,
  });
  await untilReady(apiserver, healthPort, signal);
  return { kubeconfig };
}

/** How a Kubernetes API is reached: by a kubeconfig file, or by what is in it. */
export interface KubeApi {
  readonly kubeconfig: string;
  readonly port: number;
  readonly caFile: string;
  readonly token: string;
}

/** A Kubernetes API in memory. */
export async function startKubeApi(stack: AsyncDisposableStack, dir: string): Promise<KubeApi> {
  const ca = await TestCa.create(dir, 'Kubernetes CA');
  const server = await ca.issue({ commonName: 'kube-apiserver', altNames: ['IP:127.0.0.1'] });
  const token = randomUUID();
  const tokenFile = join(dir, 'token');
  await writeFile(tokenFile, token);
  const port = await freePort();
  const api = startProgram(stack, 'packages/lab/src/kube-api/main.ts', {
    'secure-port': port,
    'tls-cert-file': server.certFile,
    'tls-private-key-file': server.keyFile,
    'client-ca-file': ca.certFile,
    'token-file': tokenFile,
  });
  await api.printed('"msg":"ready"');
  const kubeconfig = join(dir, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    clusters: [
      { name: 'bench', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': ca.certFile } },
    ],
    users: [{ name: 'bench', user: { token } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  return { kubeconfig, port, caFile: ca.certFile, token };
}
