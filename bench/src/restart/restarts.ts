import type { Figures } from '../figure.ts';
import { median } from '../statistics.ts';
import { renderTable } from '../table.ts';
import type { AgentFigures, AgentStart } from './agent-process.ts';
import type { Connects } from './traffic.ts';

/** One restart: what the new agent and the connections of the time had of it. */
export type Restart = AgentStart & AgentFigures & Connects;

/** Medians over restarts, so that a hiccup of the machine in one of them decides nothing; but what failed, failed. */
export function restartFigures(restarts: readonly Restart[]): Figures {
  const over = (of: (restart: Restart) => number): number => median(restarts.map(of));
  const sum = (of: (restart: Restart) => number): number => restarts.reduce((total, one) => total + of(one), 0);
  return {
    failed_connects: { value: sum(({ failed }) => failed), unit: 'count', target: { atMost: 0 } },
    connects: { value: sum(({ connects }) => connects), unit: 'count', target: { atLeast: 1 } },
    ready_ms: { value: over(({ readyMs }) => readyMs), unit: 'ms' },
    import_ms: { value: over(({ importMs }) => importMs), unit: 'ms' },
    max_stall_ms: { value: over(({ maxStallMs }) => maxStallMs), unit: 'ms', target: { atMost: 50 } },
    worst_stall_ms: { value: Math.max(...restarts.map(({ maxStallMs }) => maxStallMs)), unit: 'ms' },
    max_stall_cpu_ms: { value: over(({ maxStallCpuMs }) => maxStallCpuMs), unit: 'ms' },
    slowest_connect_ms: { value: over(({ slowestMs }) => slowestMs), unit: 'ms' },
    rss_mib: { value: over(({ rssMib }) => rssMib), unit: 'MiB' },
    peak_rss_mib: { value: over(({ peakRssMib }) => peakRssMib), unit: 'MiB' },
  };
}

export function renderRestarts(restarts: readonly Restart[]): string {
  const heads = ['restart', 'ready ms', 'stall ms', 'of it cpu', 'rss MiB', 'connects', 'failed', 'why'];
  const rows = restarts.map((one, index) => [
    index + 1,
    one.readyMs,
    one.maxStallMs,
    one.maxStallCpuMs,
    one.rssMib,
    one.connects,
    one.failed,
    one.reasons.join('; '),
  ]);
  return renderTable(heads, rows, 1);
}
