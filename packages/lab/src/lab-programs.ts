import { MeshError } from '@clustermesh/runtime';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { containerRecords } from './kubelet/container-record.ts';
import type { ContainerRecord } from './kubelet/container-record.ts';
import type { ClusterPlan, MeshPlan, NodePlan } from './mesh-plan.ts';
import { processUsage } from './process/proc.ts';
import type { ProcessRecord, ProcessUsage } from './process/proc.ts';
import { killRecord } from './process/process-runner.ts';
import { findSupervisor, servicesDirectory } from './supervisor/lab-state.ts';

/** One running program of a lab. */
export interface LabProgram extends ProcessUsage {
  /** `etcd`, `clustermesh-apiserver`, `kvstoremesh`, `clustermesh-agent`, `kube-api`, `supervisor`, `echo`, … */
  readonly name: string;
  /** Absent for what belongs to no cluster: supervisor and gateway. */
  readonly cluster?: string;
  readonly node?: string;
  /** `namespace/name`; absent for programs outside of pods. */
  readonly pod?: string;
  readonly pid: number;
}

/** Which program; without a node or pod, that of every node. */
export interface ProgramRef {
  readonly name: string;
  readonly node?: string;
  readonly pod?: string;
}

interface Found {
  readonly process: ProcessRecord;
  readonly program: LabProgram;
}

/** @param cluster only of this one; default: all, and what belongs to none */
export async function findPrograms(plan: MeshPlan, cluster?: string): Promise<readonly LabProgram[]> {
  return (await findAll(plan, cluster)).map(({ program }) => program);
}

/**
 * Sends a signal to programs, and to nothing that has got the pid of one since.
 * @returns what was signalled
 * @throws MeshError LAB_INVALID_STATE when no such program runs
 */
export async function killPrograms(
  plan: MeshPlan,
  cluster: string | undefined,
  wanted: ProgramRef,
  signal: NodeJS.Signals,
): Promise<readonly LabProgram[]> {
  const all = (await findAll(plan, cluster)).filter(({ program }) => program.cluster === cluster);
  const hit = all.filter(({ program }) => isMeant(program, wanted));
  if (hit.length === 0) {
    const names = [...new Set(all.map(({ program }) => program.name))].join(', ');
    const where = [wanted.node, wanted.pod].filter((part) => part !== undefined).map((part) => ` on ${part}`);
    throw new MeshError(
      'LAB_INVALID_STATE',
      `kill ${wanted.name}${where.join('')} of ${cluster ?? `lab ${plan.mesh}`}: it does not run (${names} run)`,
    );
  }
  await Promise.all(hit.map(({ process }) => killRecord(process, signal)));
  return hit.map(({ program }) => program);
}

function isMeant(program: LabProgram, { name, node, pod }: ProgramRef): boolean {
  const isOfPod = pod === undefined || program.pod === pod || program.pod === `default/${pod}`;
  return program.name === name && (node === undefined || program.node === node) && isOfPod;
}

async function findAll(plan: MeshPlan, cluster: string | undefined): Promise<readonly Found[]> {
  const clusters = plan.clusters.filter(({ name }) => cluster === undefined || name === cluster);
  const found = await Promise.all([
    ...(cluster === undefined ? [ofNoCluster(plan)] : []),
    ...(cluster === undefined && plan.samples !== undefined
      ? [located(containerRecords(servicesDirectory(plan.stateDir, 'samples')), { cluster: 'samples' })]
      : []),
    ...clusters.flatMap((one) => [
      located(containerRecords(servicesDirectory(plan.stateDir, one.name)), { cluster: one.name }),
      ...one.nodes.map((node) => ofNode(one, node)),
    ]),
  ]);
  return found.flat();
}

async function ofNoCluster({ stateDir }: MeshPlan): Promise<readonly Found[]> {
  const supervisor = await findSupervisor(stateDir);
  const records: readonly ContainerRecord[] = [
    ...(supervisor === undefined ? [] : [{ process: supervisor, program: { name: 'supervisor' }, restartCount: 0 }]),
    ...(await containerRecords(servicesDirectory(stateDir))),
  ];
  return located(Promise.resolve(records), {});
}

async function ofNode({ name: cluster }: ClusterPlan, { name: node, dir }: NodePlan): Promise<readonly Found[]> {
  const pods = join(dir, 'pods');
  const uids = await readdir(pods).catch((): string[] => []);
  const found = uids.map((uid) => located(containerRecords(join(pods, uid, 'containers')), { cluster, node }));
  return (await Promise.all(found)).flat();
}

async function located(
  records: Promise<readonly ContainerRecord[]>,
  where: { readonly cluster?: string; readonly node?: string },
): Promise<readonly Found[]> {
  const found = await Promise.all((await records).map(async (record) => runningProgram(record, where)));
  return found.filter((one) => one !== undefined);
}

async function runningProgram(
  { process, program }: ContainerRecord,
  where: { readonly cluster?: string; readonly node?: string },
): Promise<Found | undefined> {
  if (process === undefined || program === undefined) return undefined;
  const usage = await processUsage(process);
  return usage === undefined ? undefined : { process, program: { ...program, ...where, pid: process.pid, ...usage } };
}
