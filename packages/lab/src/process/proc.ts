import { readFile, readdir } from 'node:fs/promises';

/** A process across restarts of whoever started it: a pid alone may have been given to another one since. */
export interface ProcessRecord {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/<pid>/stat; exec does not change it. */
  readonly startTicks: number;
}

/** Undefined when there is no such process, or only its unreaped remains. */
export async function processRecord(pid: number): Promise<ProcessRecord | undefined> {
  const entry = await procEntry(pid);
  return entry === undefined || entry.isDead ? undefined : { pid, startTicks: entry.startTicks };
}

export async function isRunning(record: ProcessRecord): Promise<boolean> {
  return (await processRecord(record.pid))?.startTicks === record.startTicks;
}

/** Not even remains: a process of many threads takes a while to be taken apart, and is then reaped by its parent. */
export async function isGone(record: ProcessRecord): Promise<boolean> {
  return (await procEntry(record.pid))?.startTicks !== record.startTicks;
}

async function procEntry(pid: number): Promise<{ readonly isDead: boolean; readonly startTicks: number } | undefined> {
  const stat = await readOrUndefined(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything, spaces and parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return { isDead: state === 'Z' || state === 'X', startTicks: Number(fields[19]) };
}

/** The environment variable that marks every process of a lab; its value is the lab's state directory. */
export const markVariable = 'CLUSTERMESH_LAB_STATE';

/** All processes that carry the lab's mark, in whatever cgroup or namespace, whoever started them. */
export async function findMarkedProcesses(stateDir: string): Promise<readonly ProcessRecord[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const records = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readOrUndefined(`/proc/${pid}/environ`);
      const isMarked = environment?.split('\0').includes(`${markVariable}=${stateDir}`) === true;
      return isMarked && pid !== process.pid ? processRecord(pid) : undefined;
    }),
  );
  return records.filter((record) => record !== undefined);
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return undefined; // ended meanwhile, or of another user
  }
}
