import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { processMs } from '../foreign-load.ts';
import { until } from '../propagation/programs.ts';
import { ApiserverProcess } from './apiserver-process.ts';
import type { ApiserverFigures } from './apiserver-process.ts';
import { findMistakes } from './check.ts';
import { startOwnEtcd, cluster } from './own-etcd.ts';
import type { OwnEtcd } from './own-etcd.ts';
import { addressesAfter } from './pod-changes.ts';
import { addressPrefixes, floorPrefix } from './stage.ts';
import type { Stage } from './stage.ts';
import type { Commit } from './store-watcher.ts';

/** From the first request to the Kubernetes API until the last commit. */
export interface Start {
  readonly ms: number;
  readonly cpuMs: number;
}

export interface Recorded {
  readonly keys: number;
  readonly bytes: number;
}

export interface OurStart extends Start, ApiserverFigures {
  readonly mistakes: readonly string[];
}

export const canaryPrefix = `cilium/synced/${cluster.name}/`;
/** Behind each of these all of its kind is there. */
const canaries = ['nodes', 'identities', 'ip', 'services', 'serviceexports'].map(
  (kind) => `${canaryPrefix}cilium/state/${kind}/v1`,
);
const lastFloorKey = `${floorPrefix}done`;
const paths = [
  ...['/api/v1/namespaces', '/api/v1/nodes', '/api/v1/services', '/api/v1/pods'],
  '/apis/discovery.k8s.io/v1/endpointslices',
];
const pollMs = 20;
const deadlineMs = 180_000;

/** An etcd of its own, empty; identities are in the Kubernetes API already, or all to be allocated. */
export async function startOurs(
  stage: Stage,
  { keepIdentities }: { readonly keepIdentities: boolean },
): Promise<OurStart> {
  await using etcd = await startOwnEtcd(stage.dir, [canaryPrefix], stage.signal);
  await stage.api.ask('reset', { side: 'ours', keepIdentities });
  await using apiserver = await startApiserver(stage, etcd);
  const ms = await untilSynced(stage, etcd, apiserver);
  const figures = apiserver.figures();
  return { ms, ...figures, mistakes: await mistakesAfter(etcd, 0) };
}

/** The same, from nothing, and what it wrote goes to a file for the floor. */
export async function recordOurs(stage: Stage): Promise<Recorded> {
  await using etcd = await startOwnEtcd(stage.dir, [canaryPrefix], stage.signal);
  await stage.api.ask('reset', { side: 'ours', keepIdentities: false });
  await using apiserver = await startApiserver(stage, etcd);
  await untilSynced(stage, etcd, apiserver);
  const recorded = await etcd.watcher.ask('save', { prefix: 'cilium/', file: entriesFile(stage) });
  await stage.copier.ask('open', copyOrder(stage, etcd));
  return recorded;
}

export async function startFloor(stage: Stage): Promise<Start> {
  const { api, copier } = stage;
  await using etcd = await startOwnEtcd(stage.dir, [floorPrefix], stage.signal);
  await api.ask('reset', { side: 'floor', keepIdentities: false });
  const cpuMs = (): number => processMs(readFileSync(`/proc/${copier.pid ?? 0}/stat`, 'latin1'));
  const before = cpuMs();
  await copier.ask('run', copyOrder(stage, etcd));
  const commits = await untilCommitted(stage, etcd, [lastFloorKey]);
  const { firstRequestMs = NaN } = await api.ask('state', { side: 'floor' });
  return { ms: lastOf(commits) - firstRequestMs, cpuMs: cpuMs() - before };
}

/** Resolves when it has asked the Kubernetes API for the first time. */
export async function startApiserver(stage: Stage, { configFile }: OwnEtcd): Promise<ApiserverProcess> {
  const { api, dir, kubeconfig, signal } = stage;
  const apiserver = await ApiserverProcess.start({ dir, etcdConfig: configFile, kubeconfig });
  const missing = async (): Promise<string | undefined> => {
    if (apiserver.exited) throw new Error(`the apiserver ended:\n${apiserver.output}`);
    const { firstRequestMs } = await api.ask('state', { side: 'ours' });
    return firstRequestMs === undefined ? apiserver.output : undefined;
  };
  await until('asking the Kubernetes API', signal, missing, { pollMs: 5, deadlineMs });
  apiserver.begin();
  return apiserver;
}

/** What the store has wrong after so many changes. */
export async function mistakesAfter({ watcher }: OwnEtcd, changes: number): Promise<readonly string[]> {
  const addresses = await watcher.ask('read', { prefix: addressPrefixes.ours });
  const identities = await watcher.ask('read', { prefix: 'cilium/state/identities/v1/id/' });
  return findMistakes(addressesAfter(changes), { addresses, identities });
}

/** Returns how long it took since the first request. */
export async function untilSynced(stage: Stage, etcd: OwnEtcd, apiserver: ApiserverProcess): Promise<number> {
  const commits = await untilCommitted(stage, etcd, canaries).catch((error: unknown) => {
    throw new Error(`the apiserver did not publish everything:\n${apiserver.output.slice(-4_000)}`, { cause: error });
  });
  const { firstRequestMs = NaN } = await stage.api.ask('state', { side: 'ours' });
  return lastOf(commits) - firstRequestMs;
}

async function untilCommitted(
  { signal }: Stage,
  { watcher }: OwnEtcd,
  keys: readonly string[],
): Promise<readonly Commit[]> {
  const deadline = performance.now() + deadlineMs;
  const seen = new Map<string, Commit>();
  for (;;) {
    signal.throwIfAborted();
    for (const commit of await watcher.ask('take')) seen.set(commit.key, commit);
    const missing = keys.filter((key) => !seen.has(key));
    if (missing.length === 0) return keys.flatMap((key) => seen.get(key) ?? []);
    if (performance.now() > deadline) throw new Error(`not committed: ${missing.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function lastOf(commits: readonly Commit[]): number {
  return Math.max(...commits.map(({ atMs }) => atMs));
}

function entriesFile({ dir }: Stage): string {
  return join(dir, 'entries');
}

function copyOrder(stage: Stage, { endpoint }: OwnEtcd) {
  return { kube: stage.floorKube, etcd: endpoint, paths, entriesFile: entriesFile(stage), lastKey: lastFloorKey };
}
