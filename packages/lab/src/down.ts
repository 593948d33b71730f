import type { Clock } from '@clustermesh/runtime';
import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { mustRun } from './command.ts';
import { findCgroup2Root, isMountPoint, rootLayout, rootlessLayout } from './host.ts';
import { planMesh } from './mesh-plan.ts';
import type { HostLayout, MeshPlan } from './mesh-plan.ts';
import { deleteNetns, listNetns } from './network/network.ts';
import { removeCgroup } from './process/cgroup.ts';
import { findMarkedProcesses, isGone, isRunning } from './process/proc.ts';
import type { ProcessRecord } from './process/proc.ts';
import { killRecord } from './process/process-runner.ts';

const goneDeadlineMs = 5000;
/** Remains are harmless; whoever inherited them may be slow to reap them. */
const reapedDeadlineMs = 2000;
const gonePollMs = 20;

/**
 * Removes everything that a lab of this name made, whether or not a supervisor or its state is left: it goes by the
 * mesh's cgroup, the mark in the environment of its processes, the prefix of its namespaces, its mount and its
 * directory. Safe to repeat, and on a mesh that never was.
 */
export async function takeDown(mesh: string, clock: Clock): Promise<void> {
  if (process.getuid?.() === 0) await takeDownLayout(mesh, rootLayout(await findCgroup2Root()), clock);
  await takeDownLayout(mesh, rootlessLayout(), clock);
}

async function takeDownLayout(mesh: string, layout: HostLayout, clock: Clock): Promise<void> {
  const plan = planMesh({ mesh, clusters: [] }, layout);
  await killProcesses(plan, clock);
  if (plan.mode === 'root') {
    await deleteNetns(await listNetns(plan.netnsPrefix));
    if (plan.bpffs !== undefined && (await isMountPoint(plan.bpffs))) await mustRun(['umount', '--lazy', plan.bpffs]);
  }
  await rm(plan.stateDir, { recursive: true, force: true });
  await rmdir(dirname(plan.stateDir)).catch(() => undefined); // other labs may be in it
}

/**
 * The supervisor goes with the rest (it is in the mesh's cgroup, too, and has the mark): it cannot start anything
 * behind our back, at most between two looks.
 */
async function killProcesses({ cgroup, stateDir }: MeshPlan, clock: Clock): Promise<void> {
  const deadline = clock.monotonicMs() + goneDeadlineMs;
  for (;;) {
    const found = await findMarkedProcesses(stateDir);
    if (cgroup !== undefined) await removeCgroup(cgroup, clock);
    if (found.length === 0 || clock.monotonicMs() > deadline) return;
    await Promise.all(found.map((record) => killRecord(record, 'SIGKILL')));
    await untilAll(found, async (record) => !(await isRunning(record)), deadline, clock);
    await untilAll(found, isGone, clock.monotonicMs() + reapedDeadlineMs, clock);
  }
}

async function untilAll(
  records: readonly ProcessRecord[],
  isDone: (record: ProcessRecord) => Promise<boolean>,
  deadline: number,
  clock: Clock,
): Promise<void> {
  for (const record of records) {
    while (!(await isDone(record)) && clock.monotonicMs() < deadline) await clock.sleep(gonePollMs);
  }
}
