import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestCa, tempDir } from '@clustermesh/testkit';

import type { Copier } from '../../floors/copier.ts';
import type { KubePlace } from '../../floors/kube.ts';
import type { Publisher } from '../../floors/publisher.ts';
import { Child } from '../child.ts';
import type { KubeApi, SideName } from './kube-api.ts';

/** What stays for the whole bench, a process each: the Kubernetes API and the floors. */
export interface Stage {
  readonly dir: string;
  readonly api: Child<KubeApi>;
  readonly copier: Child<Copier>;
  readonly publisher: Child<Publisher>;
  /** The file by which the apiserver finds its cluster. */
  readonly kubeconfig: string;
  readonly floorKube: KubePlace;
  readonly signal: AbortSignal;
}

export async function setStage(stack: AsyncDisposableStack, signal: AbortSignal): Promise<Stage> {
  const dir = stack.use(await tempDir('bench-publish')).path;
  const ca = await TestCa.create(dir, 'Kubernetes CA');
  const server = await ca.issue({ commonName: 'kube-apiserver', altNames: ['IP:127.0.0.1'] });
  const token = randomUUID();
  const api = stack.use(new Child<KubeApi>(new URL('./kube-api.ts', import.meta.url), signal));
  const port = await api.ask('open', { certFile: server.certFile, keyFile: server.keyFile, token });
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = join(dir, 'kubeconfig');
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'bench' },
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    clusters: [{ name: 'bench', cluster: { server: url, 'certificate-authority': ca.certFile } }],
    users: [{ name: 'bench', user: { token } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  const floor = <A extends Copier | Publisher>(file: string): Child<A> =>
    stack.use(new Child<A>(new URL(`../../floors/${file}`, import.meta.url), signal));
  return {
    ...{ dir, api, kubeconfig, signal },
    copier: floor<Copier>('copier.ts'),
    publisher: floor<Publisher>('publisher.ts'),
    floorKube: { url: `${url}/floor`, caFile: ca.certFile, token },
  };
}

export const floorPrefix = 'floor/';
export const addressPrefixes: Readonly<Record<SideName, string>> = {
  ours: 'cilium/state/ip/v1/default/',
  floor: `${floorPrefix}ip/`,
};
