import type { Figures } from '../figure.ts';
import { calmestRound } from '../propagation/rounds.ts';
import type { Round, Turn } from '../propagation/rounds.ts';
import { median, percentile } from '../statistics.ts';
import { renderTable } from '../table.ts';
import type { ApiserverFigures } from './apiserver-process.ts';
import type { OurStart, Start } from './starts.ts';

/** Floor and ours, one right after the other. */
export interface StartRound {
  readonly floor: Start;
  /** With identities in the Kubernetes API: what a restart with an empty store is. */
  readonly ours: OurStart;
  /** The very first start: every identity is still to be allocated. */
  readonly first: OurStart;
  readonly foreignLoad: number;
}

export interface ChangeTurn extends Turn {
  readonly unneeded: number;
}

export interface ChangeRound extends Round {
  readonly unneeded: number;
}

/** What was measured while pods changed. */
export interface Load {
  readonly rounds: readonly ChangeRound[];
  readonly apiserver: ApiserverFigures;
  readonly mistakes: readonly string[];
}

/** Of the calmest turns; what was written without need in any turn was. */
export function calmestChanges(turns: readonly ChangeTurn[], wanted: number): ChangeRound {
  return { ...calmestRound(turns, wanted), unneeded: turns.reduce((sum, { unneeded }) => sum + unneeded, 0) };
}

/** Of the calmest rounds. */
export function calmestStarts(rounds: readonly StartRound[], wanted: number): readonly StartRound[] {
  return rounds.toSorted((a, b) => a.foreignLoad - b.foreignLoad).slice(0, wanted);
}

/** Medians over rounds, so that a hiccup of the machine in one of them decides nothing; but what is lost is lost. */
export function publishFigures(starts: readonly StartRound[], load: Load): Figures {
  return { ...startFigures(starts), ...changeFigures(load), ...processFigures(starts, load) };
}

function startFigures(rounds: readonly StartRound[]): Figures {
  const over = (of: (round: StartRound) => number): number => median(rounds.map(of));
  const mistakes = rounds.reduce((sum, { ours, first }) => sum + ours.mistakes.length + first.mistakes.length, 0);
  return {
    start_ms: { value: over(({ ours }) => ours.ms), unit: 'ms' },
    floor_start_ms: { value: over(({ floor }) => floor.ms), unit: 'ms' },
    floor_ratio: { value: over(({ floor, ours }) => floor.ms / ours.ms), unit: 'x', target: { atLeast: 0.5 } },
    cpu_ratio: { value: over(({ floor, ours }) => floor.cpuMs / ours.cpuMs), unit: 'x' },
    first_start_ms: { value: over(({ first }) => first.ms), unit: 'ms' },
    first_floor_ratio: { value: over(({ floor, first }) => floor.ms / first.ms), unit: 'x' },
    start_mistakes: { value: mistakes, unit: 'count', target: { atMost: 0 } },
  };
}

function changeFigures({ rounds, mistakes }: Load): Figures {
  const over = (of: (round: ChangeRound) => number): number => median(rounds.map(of));
  const sum = (of: (round: ChangeRound) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const p99 = (ms: readonly number[]): number => percentile(ms, 0.99);
  return {
    p50_ms: { value: over(({ ours }) => percentile(ours.ms, 0.5)), unit: 'ms' },
    p99_ms: { value: over(({ ours }) => p99(ours.ms)), unit: 'ms' },
    p99_ratio: { value: over(({ ours, floor }) => p99(ours.ms) / p99(floor.ms)), unit: 'x', target: { atMost: 2 } },
    floor_p50_ms: { value: over(({ floor }) => percentile(floor.ms, 0.5)), unit: 'ms' },
    floor_p99_ms: { value: over(({ floor }) => p99(floor.ms)), unit: 'ms' },
    lost: { value: sum(({ ours }) => ours.lost) + mistakes.length, unit: 'count', target: { atMost: 0 } },
    floor_lost: { value: sum(({ floor }) => floor.lost), unit: 'count' },
    unneeded_writes: { value: sum(({ unneeded }) => unneeded), unit: 'count', target: { atMost: 0 } },
    changes_per_second: { value: over(({ ours }) => ours.rate), unit: '1/s' },
    floor_changes_per_second: { value: over(({ floor }) => floor.rate), unit: '1/s' },
  };
}

function processFigures(starts: readonly StartRound[], { apiserver, rounds }: Load): Figures {
  const each = [...starts.flatMap(({ ours, first }) => [ours, first]), apiserver];
  const stalls = each.map(({ maxStallMs }) => maxStallMs);
  const foreign = [...starts, ...rounds].map(({ foreignLoad }) => foreignLoad);
  return {
    rss_mib: { value: Math.max(...each.map(({ peakRssMib }) => peakRssMib)), unit: 'MiB', target: { atMost: 500 } },
    max_stall_ms: { value: median(stalls), unit: 'ms' },
    worst_stall_ms: { value: Math.max(...stalls), unit: 'ms' },
    max_stall_cpu_ms: { value: median(each.map(({ maxStallCpuMs }) => maxStallCpuMs)), unit: 'ms' },
    foreign_load: { value: median(foreign), unit: 'cpus' },
  };
}

export function renderStarts(rounds: readonly StartRound[]): string {
  const heads = [
    'round',
    'floor ms',
    'ms',
    'first ms',
    'floor cpu',
    'cpu',
    'first cpu',
    'stall ms',
    'rss MiB',
    'others',
  ];
  const rows = rounds.map(({ floor, ours, first, foreignLoad }, index) => [
    ...[index + 1, floor.ms, ours.ms, first.ms, floor.cpuMs, ours.cpuMs, first.cpuMs],
    ...[ours.maxStallMs, ours.peakRssMib, foreignLoad],
  ]);
  return renderTable(heads, rows, 1);
}
