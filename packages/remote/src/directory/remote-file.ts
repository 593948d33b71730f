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
  /** Of the file: another hash means another connection. */
  readonly hash: string;
  /** Of the certificates that it names. Connections read them by themselves, at each handshake. */
  readonly certificates: string;
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
  const hash = createHash('sha256').update(content).digest('hex');
  return { name, hash, certificates: config.ok ? await hashOfCertificates(config.value) : '', config };
}

function parseRemoteFile(name: string, path: string, text: string): Result<RemoteConfig> {
  const cluster = clusterName(name);
  if (!cluster.ok) return refuse(`${path}: the file name is no cluster name: ${cluster.reason}`);
  const client = parseEtcdClientFile(text, path);
  return client.ok ? { ok: true, value: { ...client.value, cluster: cluster.value } } : client;
}

async function hashOfCertificates({ tls }: RemoteConfig): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [tls?.ca, tls?.cert, tls?.key]) {
    if (path === undefined) continue;
    // A missing certificate is the connection's to report; that it appears later is a change.
    const content = await readFile(path).catch(() => Buffer.from('unreadable'));
    hash.update(`\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}
