import { MeshError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { readJsonFile, writeJsonFile } from '../json-file.ts';
import { secondAddress } from '../mesh-plan.ts';
import type { PodNetwork } from '../network/ip-batch.ts';
import { createPodNetwork, deletePodNetwork } from '../network/network.ts';
import { removeCgroup } from '../process/cgroup.ts';
import { killRecord } from '../process/process-runner.ts';
import type { AddressPool } from './address-pool.ts';
import { containerRecords } from './container-record.ts';
import type { PodPlace } from './pod-place.ts';

type PodAddresses = Pick<PodNetwork, 'address' | 'address6'>;

/** What a pod has of its own, written once it is complete: without the file it is made anew. */
export interface SandboxRecord extends Partial<PodAddresses> {
  readonly network?: PodNetwork;
  readonly cgroup?: string;
}

export interface SandboxRequest {
  readonly place: PodPlace;
  readonly isHostNetwork: boolean;
  readonly pool: AddressPool;
  /** Of the node, if its pods have IPv6 addresses. */
  readonly podCidr6?: string | undefined;
}

function recordFile(directory: string): string {
  return join(directory, 'sandbox.json');
}

export function readSandbox(podDirectory: string): Promise<SandboxRecord | undefined> {
  return readJsonFile<SandboxRecord>(recordFile(podDirectory));
}

/** Makes the pod's addresses, network namespace and cgroup, or finds those of an earlier run. */
export async function ensureSandbox(request: SandboxRequest): Promise<SandboxRecord> {
  const { place } = request;
  const existing = await readSandbox(place.directory);
  if (existing !== undefined) return existing;
  const addresses = takeAddresses(request);
  const network =
    place.network === undefined || addresses === undefined ? undefined : { ...place.network, ...addresses };
  if (network !== undefined) await createPodNetwork(network);
  if (place.cgroup !== undefined) await mkdir(place.cgroup, { recursive: true });
  const record: SandboxRecord = {
    ...addresses,
    ...(network === undefined ? {} : { network }),
    ...(place.cgroup === undefined ? {} : { cgroup: place.cgroup }),
  };
  await writeJsonFile(recordFile(place.directory), record);
  return record;
}

/** Undefined for a pod in the host's network: it has those of the node. */
function takeAddresses({ place, isHostNetwork, pool, podCidr6 }: SandboxRequest): PodAddresses | undefined {
  if (isHostNetwork) return undefined;
  const address = pool.take();
  if (address === undefined) {
    throw new MeshError('LAB_INVALID_STATE', `find a free address for the pod of ${place.directory}`);
  }
  return { address, ...(podCidr6 === undefined ? {} : { address6: secondAddress(address, podCidr6) }) };
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
