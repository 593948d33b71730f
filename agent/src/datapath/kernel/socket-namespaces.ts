import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Links that are read at a time: a node may have tens of thousands of processes. */
const batchSize = 256;

export interface SocketNamespaces {
  /** One `/proc/PID/ns/net` for each network namespace. */
  readonly paths: readonly string[];
  /** Processes of PID namespaces that are not ours to see: where their sockets are is unknown. */
  readonly hiddenProcesses: number;
}

/** The network namespaces of the processes in a cgroup and those below it. They come and go while this looks. */
export async function socketNamespaces(cgroupRoot: string, proc = '/proc'): Promise<SocketNamespaces> {
  const pathByNamespace = new Map<string, string>();
  const all = await processesIn(cgroupRoot);
  const pids = all.filter((pid) => pid !== hiddenPid);
  for (let start = 0; start < pids.length; start += batchSize) {
    const paths = pids.slice(start, start + batchSize).map((pid) => join(proc, pid, 'ns', 'net'));
    const names = await Promise.all(paths.map((path) => orGone(readlink(path), '')));
    for (const [index, path] of paths.entries()) {
      const name = names[index] ?? '';
      if (name !== '') pathByNamespace.set(name, path);
    }
  }
  return { paths: [...pathByNamespace.values()], hiddenProcesses: all.length - pids.length };
}

/** As cgroup.procs shows a process that has no number in our PID namespace. */
const hiddenPid = '0';

async function processesIn(cgroup: string): Promise<readonly string[]> {
  const [own, entries] = await Promise.all([
    orGone(readFile(join(cgroup, 'cgroup.procs'), 'utf8'), ''),
    orGone(readdir(cgroup, { withFileTypes: true }), []),
  ]);
  const pids = own.split('\n').filter((pid) => pid !== '');
  for (const entry of entries) {
    if (entry.isDirectory()) pids.push(...(await processesIn(join(cgroup, entry.name))));
  }
  return pids;
}

/** Nothing of a process or cgroup that has ended in between. */
async function orGone<T>(reading: Promise<T>, nothing: T): Promise<T> {
  try {
    return await reading;
  } catch {
    return nothing;
  }
}
