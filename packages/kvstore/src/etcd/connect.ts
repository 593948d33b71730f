import { readFile } from 'node:fs/promises';
import { Backoff, MeshError, retryLoop } from '@clustermesh/runtime';
import type { Health } from '@clustermesh/runtime';

import { parseEtcdClientFile } from './client-file.ts';
import type { EtcdClientConfig } from './client-file.ts';
import { EtcdKvStore } from './etcd-kv-store.ts';
import type { EtcdDeps, EtcdTuning } from './etcd-kv-store.ts';
import { explainEtcdFailure } from './explain-failure.ts';
import { TlsSource } from './tls-source.ts';
import type { WhenAuthIsOff } from './write-gate.ts';

/** Readers have no session; writers hang their keys on leases of so many seconds. */
export type EtcdUse = ReaderUse | WriterUse;

export interface ReaderUse {
  readonly session: false;
  readonly tuning?: EtcdTuning;
}

export interface WriterUse {
  readonly session: true;
  readonly leaseTtlSeconds: number;
  /** See EtcdOptions. Only for an etcd that knows its clients by certificates. */
  readonly whenAuthIsOff?: WhenAuthIsOff | undefined;
  readonly tuning?: EtcdTuning;
}

/**
 * Opens an etcd with its certificates as they are now; says beforehand what is wrong with ours. Those that are renewed
 * later serve the next connection, and what runs goes on.
 */
export async function connectEtcd(
  config: EtcdClientConfig,
  use: EtcdUse,
  deps: EtcdDeps,
  signal: AbortSignal,
): Promise<EtcdKvStore> {
  const { endpoints, hostAliases, tls: paths } = config;
  const source = paths && (await TlsSource.open(paths, deps));
  const whenAuthIsOff = use.session && paths?.cert !== undefined ? use.whenAuthIsOff : undefined;
  const tls = source && { tls: source.latest, readTls: () => source.read() };
  return EtcdKvStore.open({ ...use, ...tls, endpoints, hostAliases, whenAuthIsOff }, deps, signal);
}

/** Opens the etcd of a client file, all files as they are now. Its errors are explained (`explainEtcdFailure`). */
export async function connectEtcdByFile(
  path: string,
  use: EtcdUse,
  deps: EtcdDeps,
  signal: AbortSignal,
): Promise<EtcdKvStore> {
  return connectEtcdAt(path, use, deps, signal);
}

async function connectEtcdAt(
  at: string | EtcdClientConfig,
  use: EtcdUse,
  deps: EtcdDeps,
  signal: AbortSignal,
): Promise<EtcdKvStore> {
  const config = typeof at === 'string' ? await readEtcdClientFile(at) : at;
  try {
    return await connectEtcd(config, use, deps, signal);
  } catch (error) {
    throw await explainEtcdFailure(config, error, deps, signal);
  }
}

/**
 * Tries until the cluster's own etcd answers, by the path of its client file or by what such a file says. It may start later
 * than we do; undefined when stopped before.
 */
export async function connectEtcdEventually(
  at: string | EtcdClientConfig,
  use: EtcdUse,
  deps: EtcdDeps & { readonly health: Health },
  signal: AbortSignal,
): Promise<EtcdKvStore | undefined> {
  let opened: EtcdKvStore | undefined;
  const open = async (both: AbortSignal, progressed: () => void): Promise<void> => {
    opened = await connectEtcdAt(at, use, deps, both);
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
