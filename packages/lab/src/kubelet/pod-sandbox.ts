import { MeshError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { readJsonFile, writeJsonFile } from '../json-file.ts';
import type { PodNetwork } from '../network/ip-batch.ts';
import { createPodNetwork, deletePodNetwork } from '../network/network.ts';
import { removeCgroup } from '../process/cgroup.ts';
import { killRecord } from '../process/process-runner.ts';
import type { AddressPool } from './address-pool.ts';
import { containerRecords } from './container-record.ts';
import type { PodPlace } from './pod-place.ts';

/** What a pod has of its own, written once it is complete: without the file it is made anew. */
export interface SandboxRecord {
  /** Undefined for a pod in the host's network. */
  readonly address?: string;
  readonly network?: PodNetwork;
  readonly cgroup?: string;
}

export interface SandboxRequest {
  readonly place: PodPlace;
  readonly isHostNetwork: boolean;
  readonly pool: AddressPool;
}

function recordFile(directory: string): string {
  return join(directory, 'sandbox.json');
}

export function readSandbox(podDirectory: string): Promise<SandboxRecord | undefined> {
  return readJsonFile<SandboxRecord>(recordFile(podDirectory));
}

/** Makes the pod's address, network namespace and cgroup, or finds those of an earlier run. */
export async function ensureSandbox({ place, isHostNetwork, pool }: SandboxRequest): Promise<SandboxRecord> {
  const existing = await readSandbox(place.directory);
  if (existing !== undefined) return existing;
  const address = isHostNetwork ? undefined : pool.take();
  if (address === undefined && !isHostNetwork) {
    throw new MeshError('LAB_INVALID_STATE', `find a free address for the pod of ${place.directory}`);
  }
  const network = place.network === undefined || address === undefined ? undefined : { ...place.network, address };
  if (network !== undefined) await createPodNetwork(network);
  if (place.cgroup !== undefined) await mkdir(place.cgroup, { recursive: true });
  const record: SandboxRecord = {
    ...(address === undefined ? {} : { address }),
    ...(network === undefined ? {} : { network }),
    ...(place.cgroup === undefined ? {} : { cgroup: place.cgroup }),
  };
  await writeJsonFile(recordFile(place.directory), record);
  return record;
}

/** Kills what still runs, then gives back everything. May be repeated. */
export async function removeSandbox(podDirectory: string, pool: AddressPool, clock: Clock): Promise<void> {
  const record = await readSandbox(podDirectory);
  await killContainers(podDirectory);
  if (record?.cgroup !== undefined) await removeCgroup(record.cgroup, clock);
  if (record?.network !== undefined) await deletePodNetwork(record.network);
  if (record?.address !== undefined) pool.free(record.address);
  await rm(podDirectory, { recursive: true, force: true });
}

/** Without a cgroup the containers' records are all that leads to their processes. */
async function killContainers(podDirectory: string): Promise<void> {
  for (const { process } of await containerRecords(join(podDirectory, 'containers')))
    if (process !== undefined) await killRecord(process, 'SIGKILL');
}
