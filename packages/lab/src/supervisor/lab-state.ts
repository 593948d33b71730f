import { MeshError } from '@clustermesh/runtime';
import { join } from 'node:path';

import { readJsonFile, writeJsonFile } from '../json-file.ts';
import { planMesh } from '../mesh-plan.ts';
import type { HostLayout, MeshPlan } from '../mesh-plan.ts';
import { isRunning } from '../process/proc.ts';
import type { ProcessRecord } from '../process/proc.ts';
import type { Topology } from '../topology.ts';

/** What one lab was asked to be: on disk from its first moment, so that whoever comes later finds everything. */
export interface LabState {
  readonly topology: Topology;
  readonly layout: HostLayout;
  /** Without it the clusters are bare: for who installs by hand. */
  readonly installMesh: boolean;
  /** Why it is rootless. */
  readonly limitation?: string;
  /** Directory of the real Kubernetes binaries; without it the API is the lab's own stand-in. */
  readonly kubeAssets?: string;
}

export function planOf({ topology, layout }: LabState): MeshPlan {
  return planMesh(topology, layout);
}

export function supervisorSocket(stateDir: string): string {
  return join(stateDir, 'supervisor.sock');
}

export function supervisorLog(stateDir: string): string {
  return join(stateDir, 'logs', 'supervisor.log');
}

export function kubeconfigFile(stateDir: string, cluster?: string): string {
  return cluster === undefined ? join(stateDir, 'kubeconfig') : join(stateDir, cluster, 'kubeconfig');
}

/** Records of the programs outside of pods: of one cluster, or those that belong to none. */
export function servicesDirectory(stateDir: string, cluster?: string): string {
  return cluster === undefined ? join(stateDir, 'services') : join(stateDir, cluster, 'services');
}

export async function writeLabState(stateDir: string, state: LabState): Promise<void> {
  await writeJsonFile(join(stateDir, 'lab.json'), state);
}

export function readLabState(stateDir: string): Promise<LabState | undefined> {
  return readJsonFile<LabState>(join(stateDir, 'lab.json'));
}

/** @throws MeshError LAB_INVALID_STATE when there is no such lab. */
export async function mustReadLabState(stateDir: string): Promise<LabState> {
  const state = await readLabState(stateDir);
  if (state !== undefined) return state;
  throw new MeshError('LAB_INVALID_STATE', `no lab in ${stateDir}: bring one up with clustermesh lab up`);
}

function supervisorFile(stateDir: string): string {
  return join(stateDir, 'supervisor.json');
}

export async function writeSupervisorRecord(stateDir: string, record: ProcessRecord): Promise<void> {
  await writeJsonFile(supervisorFile(stateDir), record);
}

/** The supervisor's process, if it runs. */
export async function findSupervisor(stateDir: string): Promise<ProcessRecord | undefined> {
  const record = await readJsonFile<ProcessRecord>(supervisorFile(stateDir));
  return record !== undefined && (await isRunning(record)) ? record : undefined;
}
