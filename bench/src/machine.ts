import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release } from 'node:os';

/** What the numbers were measured on, in one line: absolute ones mean nothing without it. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const etcd = execFileSync('etcd', ['--version'], { encoding: 'utf8' }).split('\n', 1)[0];
  const load = loadavg().map((value) => value.toFixed(1));
  return [
    `${cpus().length} × ${cpu?.model ?? 'unknown processor'}`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    etcd?.toLowerCase().replace(' version:', '') ?? '',
    `load ${load.join(' ')}`,
  ].join(', ');
}
