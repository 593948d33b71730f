import { readFile } from 'node:fs/promises';
import { checkCredentials, readTlsFiles } from '@clustermesh/pki';
import type { TlsCredentials, TlsPaths } from '@clustermesh/pki';
import { Backoff, MeshError, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health } from '@clustermesh/runtime';

import { parseEtcdClientFile } from './client-file.ts';
import type { EtcdClientConfig } from './client-file.ts';
import { EtcdKvStore } from './etcd-kv-store.ts';
import type { EtcdDeps } from './etcd-kv-store.ts';
import type { WhenAuthIsOff } from './write-gate.ts';
import { explainEtcdFailure } from './explain-failure.ts';

/** Readers have no session; writers hang their keys on leases of so many seconds. */
export type EtcdUse = { readonly session: false } | WriterUse;

export interface WriterUse {
  readonly session: true;
  readonly leaseTtlSeconds: number;
  /** See EtcdOptions. Only for an etcd that knows its clients by certificates. */
  readonly whenAuthIsOff?: WhenAuthIsOff | undefined;
}

/**
 * Opens an etcd with its certificates as they are now; says beforehand what is wrong with ours. Certificates renewed
 * later are taken when contact is lost, which is when a server looks at them again.
 */
export async function connectEtcd(
  config: EtcdClientConfig,
  use: EtcdUse,
  deps: EtcdDeps,
  signal: AbortSignal,
): Promise<EtcdKvStore> {
  const { endpoints, hostAliases, tls: paths } = config;
  const readTls = paths && (() => readCredentials(paths, deps.clock));
  const whenAuthIsOff = use.session && paths?.cert !== undefined ? use.whenAuthIsOff : undefined;
  const options = { ...use, endpoints, hostAliases, tls: await readTls?.(), readTls, whenAuthIsOff };
  return EtcdKvStore.open(options, deps, signal);
}

async function readCredentials(paths: TlsPaths, clock: Clock): Promise<TlsCredentials> {
  const credentials = await readTlsFiles(paths);
  const objection = checkCredentials(credentials, new Date(clock.now()));
  if (objection !== undefined) throw objection;
  return credentials;
}

/** Opens the etcd of a client file, all files as they are now. Its errors are explained (`explainEtcdFailure`). */
export async function connectEtcdByFile(
  path: string,
  use: EtcdUse,
  deps: EtcdDeps,
  signal: AbortSignal,
): Promise<EtcdKvStore> {
  const config = await readEtcdClientFile(path);
  try {
    return await connectEtcd(config, use, deps, signal);
  } catch (error) {
    throw await explainEtcdFailure(config, error, deps, signal);
  }
}

/** Tries until the cluster's own etcd answers, which may start later than we do; undefined when stopped before. */
export async function connectEtcdEventually(
  path: string,
  use: EtcdUse,
  deps: EtcdDeps & { readonly health: Health },
  signal: AbortSignal,
): Promise<EtcdKvStore | undefined> {
  let opened: EtcdKvStore | undefined;
  const open = async (both: AbortSignal, progressed: () => void): Promise<void> => {
    opened = await connectEtcdByFile(path, use, deps, both);
    progressed();
  };
  const backoff = new Backoff({ baseMs: 200, capMs: 5_000, random: deps.random });
  await retryLoop(open, { ...deps, name: 'local-etcd', backoff }, signal);
  return opened;
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
