import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { EtcdAuth } from '@clustermesh/kvstore';
import { MeshError, hasCode, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger, Random } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';

import type { EtcdinitConfig } from './config.ts';
import { EtcdProcess, refuseIfServed } from './etcd-process.ts';
import { setUpRoles } from './roles.ts';

export interface EtcdinitDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const pollMs = 50;

/**
 * Prepares the data directory of this cluster's etcd (protocol.md §6.2): empties it, runs etcd on it without TLS and
 * on loopback, sets up users and roles, and stops it. Running it again begins anew.
 */
export async function etcdinit(config: EtcdinitConfig, deps: EtcdinitDeps, signal: AbortSignal): Promise<void> {
  const cluster = clusterName(config.clusterName);
  if (!cluster.ok) throw new MeshError('CONFIG_INVALID', `--cluster-name: ${cluster.reason}`);
  await refuseIfServed(config.etcdClientUrl);
  await empty(config.etcdDataDir);
  await using etcd = new EtcdProcess(config.etcdBinary, etcdArguments(config));
  using auth = EtcdAuth.connect({ endpoints: [config.etcdClientUrl] }, deps);
  const setUp = async (inner: AbortSignal): Promise<void> => {
    await reachable(auth, deps.clock, inner);
    await setUpRoles(auth, cluster.value, inner);
  };
  await within(config.timeout, (inner) => Promise.race([setUp(inner), etcd.failure()]), deps.clock, signal);
  deps.log.info({ cluster: cluster.value, dataDir: config.etcdDataDir }, 'etcd users and roles are set up');
}

async function within(
  timeoutMs: number,
  task: (signal: AbortSignal) => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const [late, done] = [new AbortController(), new AbortController()];
  const timer = clock.sleep(timeoutMs, done.signal).then(() => late.abort());
  try {
    await task(AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (!isAborted(late.signal)) throw error;
    throw new MeshError('TIMEOUT', `set up etcd within ${timeoutMs / 1_000} s`, { cause: error });
  } finally {
    done.abort();
    await timer;
  }
}

/** The directory itself stays: it is a mount point. */
async function empty(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true, force: true });
  } catch (error) {
    throw new MeshError('FILE_UNREADABLE', `empty the etcd data directory ${dir}`, { cause: error });
  }
}

/** etcd answers only once it serves. */
async function reachable(auth: EtcdAuth, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await auth.users(signal);
      return;
    } catch (error) {
      if (isAborted(signal) || !hasCode(error, 'KV_UNAVAILABLE', 'HOST_UNREACHABLE')) throw error;
      await clock.sleep(pollMs, signal);
    }
  }
}

function etcdArguments(config: EtcdinitConfig): readonly string[] {
  const { etcdClientUrl: client, etcdPeerUrl: peer, etcdClusterName: name } = config;
  return [
    ...['--data-dir', config.etcdDataDir, '--name', name],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `${name}=${peer}`],
    ...['--initial-cluster-token', config.etcdInitialClusterToken, '--initial-cluster-state', 'new'],
  ];
}
