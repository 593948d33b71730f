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

/** By path, the hashes of certificates that were read already: hundreds of files may name the same ones. */
export type KnownCertificates = Map<string, Promise<string>>;

/** Undefined when the file is not a cluster's. */
export async function readRemoteFile(
  name: string,
  path: string,
  known: KnownCertificates = new Map(),
): Promise<RemoteFile | undefined> {
  const content = await readFile(path);
  if (!content.includes(marker)) return undefined;
  const config = parseRemoteFile(name, path, content.toString());
  const hash = createHash('sha256').update(content).digest('hex');
  return { name, hash, certificates: config.ok ? await hashOfCertificates(config.value, known) : '', config };
}

function parseRemoteFile(name: string, path: string, text: string): Result<RemoteConfig> {
  const cluster = clusterName(name);
  if (!cluster.ok) return refuse(`${path}: the file name is no cluster name: ${cluster.reason}`);
  const client = parseEtcdClientFile(text, path);
  return client.ok ? { ok: true, value: { ...client.value, cluster: cluster.value } } : client;
}

async function hashOfCertificates({ tls }: RemoteConfig, known: KnownCertificates): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [tls?.ca, tls?.cert, tls?.key]) {
    if (path === undefined) continue;
    const one = known.get(path) ?? hashOfFile(path);
    known.set(path, one);
    hash.update(`\0${await one}`);
  }
  return hash.digest('hex');
}

/** A missing certificate is the connection's to report; that it appears later is a change. */
async function hashOfFile(path: string): Promise<string> {
  const content = await readFile(path).catch(() => undefined);
  return content === undefined ? 'unreadable' : createHash('sha256').update(content).digest('hex');
}
