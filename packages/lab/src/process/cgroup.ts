import type { Clock } from '@clustermesh/runtime';
import { readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const emptyPollMs = 10;
const emptyDeadlineMs = 5000;

/** Kills everything in a cgroup and below (cgroup.kill, Linux 5.14), then removes it. One that is gone is fine. */
export async function removeCgroup(path: string, clock: Clock): Promise<void> {
  if (!(await isPopulatedOrThere(path))) return;
  await writeFile(join(path, 'cgroup.kill'), '1');
  const deadline = clock.monotonicMs() + emptyDeadlineMs;
  while ((await isPopulated(path)) && clock.monotonicMs() < deadline) await clock.sleep(emptyPollMs);
  await removeTree(path);
}

async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  await rmdir(path);
}

async function isPopulatedOrThere(path: string): Promise<boolean> {
  try {
    await readFile(join(path, 'cgroup.events'));
    return true;
  } catch {
    return false;
  }
}

async function isPopulated(path: string): Promise<boolean> {
  const events = await readFile(join(path, 'cgroup.events'), 'utf8');
  return events.includes('populated 1');
}
