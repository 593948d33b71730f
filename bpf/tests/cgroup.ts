import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { pid } from 'node:process';
import { probeKernel } from '@clustermesh/ebpf';

let made = 0;

/** A cgroup without processes, removed at the end of `using`: all of its processes must have ended by then. */
export function testCgroup(): { readonly path: string } & Disposable {
  const path = join(probeKernel().cgroup2 ?? '', `clustermesh-test-${pid}-${made++}`);
  mkdirSync(path);
  return { path, [Symbol.dispose]: () => rmdirSync(path) };
}

/** A command that runs `command` inside the cgroup: a socket keeps the cgroup that its process had when it was made. */
export function insideCgroup(cgroup: string, command: readonly string[]): string[] {
  return ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup, ...command];
}
