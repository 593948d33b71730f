import type { Figures } from '../figure.ts';
import { longest } from '../restart/stalls.ts';
import type { Stall } from '../restart/stalls.ts';
import { median, percentile } from '../statistics.ts';
import { renderTable } from '../table.ts';
import type { Churned } from './churned-cache.ts';

/** One stretch of changes with kvstoremesh between. */
export interface Mirrored extends Churned {
  /** Most keys that waited to be written, of all that were looked at. */
  readonly maxQueue: number;
  readonly stalls: readonly Stall[];
}

/** Floor and ours, one right after the other. */
export interface ChurnRound {
  readonly floor: Churned;
  readonly ours: Mirrored;
  readonly foreignLoad: number;
}

/** Medians over rounds; but the longest queue and whatever is lost of all of them. */
export function churnFigures(rounds: readonly ChurnRound[], maxRate: number): Figures {
  const over = (of: (round: ChurnRound) => number): number => median(rounds.map(of));
  const sum = (of: (round: ChurnRound) => number): number => rounds.reduce((all, round) => all + of(round), 0);
  return {
    p50_ms: { value: over(({ ours }) => percentile(ours.ms, 0.5)), unit: 'ms' },
    p99_ms: { value: over(({ ours }) => percentile(ours.ms, 0.99)), unit: 'ms' },
    p99_ratio: { value: over(ratioOf), unit: 'x', target: { atMost: 2 } },
    floor_p50_ms: { value: over(({ floor }) => percentile(floor.ms, 0.5)), unit: 'ms' },
    floor_p99_ms: { value: over(({ floor }) => percentile(floor.ms, 0.99)), unit: 'ms' },
    lost: { value: sum(({ ours }) => ours.lost), unit: 'count', target: { atMost: 0 } },
    floor_lost: { value: sum(({ floor }) => floor.lost), unit: 'count' },
    max_queue: { value: Math.max(...rounds.map(({ ours }) => ours.maxQueue)), unit: 'count' },
    max_stall_ms: { value: over(({ ours }) => stallOf(ours, 'ms')), unit: 'ms', target: { atMost: 50 } },
    max_stall_cpu_ms: { value: over(({ ours }) => stallOf(ours, 'cpuMs')), unit: 'ms' },
    changes_per_second: { value: over(({ ours }) => ours.rate), unit: '1/s' },
    max_rate: { value: maxRate, unit: '1/s', target: { atLeast: 1_000 } },
    foreign_load: { value: over(({ foreignLoad }) => foreignLoad), unit: 'cpus' },
  };
}

export function renderChurnRounds(rounds: readonly ChurnRound[]): string {
  const heads = ['round', 'changes', 'floor_p99_ms', 'p99_ms', 'p99_ratio', 'lost', 'max_queue', 'stall_ms', 'load'];
  const rows = rounds.map((round, index) => {
    const { floor, ours, foreignLoad } = round;
    const p99s = [percentile(floor.ms, 0.99), percentile(ours.ms, 0.99), ratioOf(round)];
    return [index + 1, ours.ms.length, ...p99s, ours.lost, ours.maxQueue, stallOf(ours, 'ms'), foreignLoad];
  });
  return renderTable(heads, rows);
}

/** Within one round: what disturbed the machine then is in both. */
function ratioOf({ floor, ours }: ChurnRound): number {
  return percentile(ours.ms, 0.99) / percentile(floor.ms, 0.99);
}

function stallOf({ stalls }: Mirrored, of: 'ms' | 'cpuMs'): number {
  return longest(stalls, (stall) => stall[of]);
}
