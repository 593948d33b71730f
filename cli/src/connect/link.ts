import { secrets } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';

import type { AccessInfo } from './access-info.ts';
import type { LinkTarget } from './link-target.ts';
import type { ReaderCredentials, ownCredentials } from './reader-credentials.ts';
import { credentialsIn, remoteClusterFileNames, remoteClusterFiles, remoteClustersSecret } from './remote-files.ts';

export type LinkChange = 'configured' | 'unchanged' | 'removed' | 'absent';

/** What `connect` and `disconnect` tell of each link. */
export interface LinkOutcome {
  readonly reader: string;
  readonly remote: string;
  readonly change: LinkChange;
  /** Nothing was changed: this is what would have been. */
  readonly dryRun: boolean;
}

/** What a link that is there already comes with. */
export async function linkCredentials(
  { kube, namespace }: LinkTarget,
  clusterName: string,
): Promise<ReaderCredentials | undefined> {
  return credentialsIn((await readFiles(kube, namespace)) ?? {}, clusterName);
}

/** Lets the cluster behind `kube` read `remote`. The kvstoremesh there sees the Secret's files change and connects. */
export async function writeLink(
  { kube, namespace, isDryRun }: LinkTarget,
  remote: AccessInfo,
  credentials?: ReaderCredentials | typeof ownCredentials,
): Promise<LinkChange> {
  const wanted = Object.entries(remoteClusterFiles(remote, credentials)).map(
    ([name, text]) => [name, text === undefined ? undefined : Buffer.from(text).toString('base64')] as const,
  );
  const before = await readFiles(kube, namespace);
  if (before !== undefined && wanted.every(([name, encoded]) => before[name] === encoded)) return 'unchanged';
  if (isDryRun) return 'configured';
  if (before === undefined) {
    const metadata = { name: remoteClustersSecret, namespace };
    const data = Object.fromEntries(
      wanted.flatMap(([name, encoded]) => (encoded === undefined ? [] : [[name, encoded]])),
    );
    await kube.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data });
    return 'configured';
  }
  await patchFiles(kube, namespace, Object.fromEntries(wanted.map(([name, encoded]) => [name, encoded ?? null])));
  return 'configured';
}

/** Forgets `clusterName`: kvstoremesh drains what it learnt of it. */
export async function removeLink({ kube, namespace, isDryRun }: LinkTarget, clusterName: string): Promise<LinkChange> {
  const before = (await readFiles(kube, namespace)) ?? {};
  const names = remoteClusterFileNames(clusterName).filter((name) => name in before);
  if (names.length === 0) return 'absent';
  if (isDryRun) return 'removed';
  await patchFiles(kube, namespace, Object.fromEntries(names.map((name) => [name, null])));
  return 'removed';
}

/** `east reads west: configured`, as `kubectl apply` says it. */
export function renderLink({ reader, remote, change, dryRun }: LinkOutcome): string {
  return `${reader} reads ${remote}: ${change}${dryRun ? ' (dry run)' : ''}`;
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
