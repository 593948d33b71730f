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

/** What a running process has used, and since when it runs. */
export interface ProcessUsage {
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  readonly rssBytes: number;
  /** Processor time, of the user and of the kernel. */
  readonly cpuMs: number;
}

/** Linux on all its architectures counts in these towards user space (USER_HZ). */
const ticksPerSecond = 100;

/** Undefined when it has ended. */
export async function processUsage(record: ProcessRecord): Promise<ProcessUsage | undefined> {
  const [entry, status, machine] = await Promise.all([
    procEntry(record.pid),
    readOrUndefined(`/proc/${record.pid}/status`),
    readOrUndefined('/proc/stat'),
  ]);
  if (entry === undefined || entry.isDead || entry.startTicks !== record.startTicks) return undefined;
  const rssKilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status ?? '')?.[1] ?? 0);
  const bootSeconds = Number(/^btime (\d+)$/m.exec(machine ?? '')?.[1] ?? 0);
  const milliseconds = (ticks: number): number => (1000 * ticks) / ticksPerSecond;
  return {
    startedMs: 1000 * bootSeconds + milliseconds(entry.startTicks),
    rssBytes: 1024 * rssKilobytes,
    cpuMs: milliseconds(entry.cpuTicks),
  };
}

interface ProcEntry {
  readonly isDead: boolean;
  readonly startTicks: number;
  readonly cpuTicks: number;
}

async function procEntry(pid: number): Promise<ProcEntry | undefined> {
  const stat = await readOrUndefined(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything, spaces and parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return {
    isDead: state === 'Z' || state === 'X',
    startTicks: Number(fields[19]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
  };
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
