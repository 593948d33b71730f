import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { parseEtcdClientFile } from '@clustermesh/kvstore';
import type { EtcdClientConfig } from '@clustermesh/kvstore';
import { refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

/** How to reach the etcd of one remote cluster. */
export interface RemoteConfig extends EtcdClientConfig {
  readonly cluster: ClusterName;
}

/** One file of the clusters directory; its name is the cluster's. */
export interface RemoteFile {
  readonly name: string;
  /** Of the file and of the certificates it names: another hash means another connection. */
  readonly hash: string;
  /** Refused files are kept, to be shown. */
  readonly config: Result<RemoteConfig>;
}

/** Anything else beside the cluster files (certificates, most of all) lacks this (protocol.md §5.8). */
const marker = 'endpoints:';

/** Undefined when the file is not a cluster's. */
export async function readRemoteFile(name: string, path: string): Promise<RemoteFile | undefined> {
  const content = await readFile(path);
  if (!content.includes(marker)) return undefined;
  const config = parseRemoteFile(name, path, content.toString());
  const hash = createHash('sha256').update(content);
  if (config.ok) await addCertificates(hash, config.value);
  return { name, hash: hash.digest('hex'), config };
}

function parseRemoteFile(name: string, path: string, text: string): Result<RemoteConfig> {
  const cluster = clusterName(name);
  if (!cluster.ok) return refuse(`${path}: the file name is no cluster name: ${cluster.reason}`);
  const client = parseEtcdClientFile(text, path);
  return client.ok ? { ok: true, value: { ...client.value, cluster: cluster.value } } : client;
}

async function addCertificates(hash: ReturnType<typeof createHash>, { tls }: RemoteConfig): Promise<void> {
  for (const path of [tls?.ca, tls?.cert, tls?.key]) {
    if (path === undefined) continue;
    // A missing certificate is the connection's to report; that it appears later is a change.
    const content = await readFile(path).catch(() => Buffer.from('unreadable'));
    hash.update(`\0${content.length}\0`).update(content);
  }
}
