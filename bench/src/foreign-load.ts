import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** USER_HZ: the unit of times in /proc, on every Linux that Node runs on. */
const tickMs = 10;

interface Sample {
  readonly atMs: number;
  /** Of all processors together. */
  readonly idleMs: number;
  readonly ownMs: number;
}

/** How many processors were busy, on average since the last call, with what is none of this process and its children. */
export class ForeignLoad {
  #last = takeSample();

  /** 0.1: a tenth of one processor. */
  since(): number {
    const before = this.#last;
    const now = takeSample();
    this.#last = now;
    const elapsedMs = now.atMs - before.atMs;
    const busyMs = elapsedMs * cpus().length - (now.idleMs - before.idleMs);
    return (busyMs - (now.ownMs - before.ownMs)) / elapsedMs;
  }
}

function takeSample(): Sample {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
  const pids = ['self', ...children.split(' ').filter((pid) => pid !== '')];
  return {
    atMs: performance.now(),
    idleMs: idleMs(readFileSync('/proc/stat', 'utf8')),
    ownMs: pids.reduce((sum, pid) => sum + processMs(readStat(pid)), 0),
  };
}

/** Of all processors; first line of /proc/stat: `cpu user nice system idle iowait …`. */
export function idleMs(stat: string): number {
  const [, , , , idle, iowait] = stat.split('\n', 1)[0]?.split(/\s+/) ?? [];
  return (Number(idle) + Number(iowait)) * tickMs;
}

/** Time on a processor, from /proc/PID/stat: fields 14 and 15; the name, field 2, may hold anything but ends in `)`. */
export function processMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * tickMs;
}

/** '' of a child that has just ended. */
function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}
