import { secrets } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';

import type { AccessInfo } from './access-info.ts';
import { remoteClusterFileNames, remoteClusterFiles, remoteClustersSecret } from './remote-files.ts';

export type LinkChange = 'configured' | 'unchanged' | 'removed' | 'absent';

/** Lets the cluster behind `kube` read `remote`. The kvstoremesh there sees the Secret's files change and connects. */
export async function writeLink(kube: KubeClient, namespace: string, remote: AccessInfo): Promise<LinkChange> {
  const wanted = Object.fromEntries(
    Object.entries(remoteClusterFiles(remote)).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  );
  const before = await readFiles(kube, namespace);
  if (before === undefined) {
    const metadata = { name: remoteClustersSecret, namespace };
    await kube.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: wanted });
    return 'configured';
  }
  if (Object.entries(wanted).every(([name, encoded]) => before[name] === encoded)) return 'unchanged';
  await patchFiles(kube, namespace, wanted);
  return 'configured';
}

/** Forgets `clusterName`: kvstoremesh drains what it learnt of it. */
export async function removeLink(kube: KubeClient, namespace: string, clusterName: string): Promise<LinkChange> {
  const before = (await readFiles(kube, namespace)) ?? {};
  const names = remoteClusterFileNames(clusterName).filter((name) => name in before);
  if (names.length === 0) return 'absent';
  await patchFiles(kube, namespace, Object.fromEntries(names.map((name) => [name, null])));
  return 'removed';
}

async function readFiles(kube: KubeClient, namespace: string): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    return (await kube.get(secrets, { namespace, name: remoteClustersSecret })).data ?? {};
  } catch (error) {
    if (hasCode(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  }
}

async function patchFiles(
  kube: KubeClient,
  namespace: string,
  data: Readonly<Record<string, string | null>>,
): Promise<void> {
  await kube.patch(secrets, { namespace, name: remoteClustersSecret }, { data }, { kind: 'merge' });
}
