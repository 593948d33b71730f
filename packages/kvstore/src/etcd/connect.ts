import { readFile } from 'node:fs/promises';

import { checkCredentials, readTlsFiles } from '@clustermesh/pki';
import { MeshError } from '@clustermesh/runtime';

import { parseEtcdClientFile } from './client-file.ts';
import type { EtcdClientConfig } from './client-file.ts';
import { EtcdKvStore } from './etcd-kv-store.ts';
import type { EtcdDeps } from './etcd-kv-store.ts';

/** Readers have no session; writers hang their keys on leases of so many seconds. */
export type EtcdUse = { readonly session: false } | { readonly session: true; readonly leaseTtlSeconds: number };

/** Opens an etcd with its certificates as they are now; says beforehand what is wrong with ours. */
export async function connectEtcd(
  config: EtcdClientConfig,
  use: EtcdUse,
  deps: EtcdDeps,
  signal: AbortSignal,
): Promise<EtcdKvStore> {
  const { endpoints, hostAliases } = config;
  const tls = config.tls === undefined ? undefined : await readTlsFiles(config.tls);
  const objection = tls && checkCredentials(tls, new Date(deps.clock.now()));
  if (objection !== undefined) throw objection;
  return EtcdKvStore.open({ ...use, endpoints, tls, hostAliases }, deps, signal);
}

/** @throws MeshError FILE_UNREADABLE or CONFIG_INVALID. */
export async function readEtcdClientFile(path: string): Promise<EtcdClientConfig> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new MeshError('FILE_UNREADABLE', `read the etcd client file ${path}`, { cause, retryable: true });
  });
  const parsed = parseEtcdClientFile(text, path);
  if (!parsed.ok) throw new MeshError('CONFIG_INVALID', parsed.reason);
  return parsed.value;
}
