import type { Figures } from '../figure.ts';
import { median, percentile } from '../statistics.ts';
import { renderTable } from '../table.ts';

/** One side of one round. */
export interface Measured {
  readonly ms: readonly number[];
  readonly lost: number;
  /** Changes a second that the load generator really made. */
  readonly rate: number;
}

/** Measured one right after the other: whatever else the machine does concerns both. */
export interface Round {
  readonly floor: Measured;
  readonly ours: Measured;
}

export type Side = keyof Round;

/** Of the issue: no more than twice the floor at the 99th percentile. */
const ratioTarget = { atMost: 2 };

/** Medians over rounds, so that a hiccup of the machine in one of them decides nothing. */
export function propagationFigures(rounds: readonly Round[]): Figures {
  const over = (side: Side, share: number): number => median(rounds.map((round) => percentile(round[side].ms, share)));
  const [p99, floorP99] = [over('ours', 0.99), over('floor', 0.99)];
  return {
    p50_ms: { value: over('ours', 0.5), unit: 'ms' },
    p99_ms: { value: p99, unit: 'ms' },
    p99_ratio: { value: p99 / floorP99, unit: 'x', target: ratioTarget },
    floor_p50_ms: { value: over('floor', 0.5), unit: 'ms' },
    floor_p99_ms: { value: floorP99, unit: 'ms' },
    lost: { value: lostBy(rounds, 'ours'), unit: 'count', target: { atMost: 0 } },
    floor_lost: { value: lostBy(rounds, 'floor'), unit: 'count' },
    changes_per_second: { value: median(rounds.map(({ ours }) => ours.rate)), unit: '1/s' },
    floor_changes_per_second: { value: median(rounds.map(({ floor }) => floor.rate)), unit: '1/s' },
  };
}

/** Every round and side, for those who look for the reason of a figure. */
export function renderRounds(rounds: readonly Round[]): string {
  const row = (index: number, side: Side, { ms, lost, rate }: Measured): (string | number)[] => {
    const shares = [0.5, 0.9, 0.99, 1].map((share) => percentile(ms, share));
    return [index + 1, side, ms.length, ...shares, lost, rate];
  };
  return renderTable(
    ['round', 'side', 'changes', 'p50_ms', 'p90_ms', 'p99_ms', 'max_ms', 'lost', 'per_second'],
    rounds.flatMap(({ floor, ours }, index) => [row(index, 'floor', floor), row(index, 'ours', ours)]),
  );
}

function lostBy(rounds: readonly Round[], side: Side): number {
  return rounds.reduce((sum, round) => sum + round[side].lost, 0);
}

export function apiFigures({ ms, lost }: Measured): Figures {
  return {
    api_to_map_p50_ms: { value: percentile(ms, 0.5), unit: 'ms' },
    api_to_map_p99_ms: { value: percentile(ms, 0.99), unit: 'ms' },
    api_to_map_lost: { value: lost, unit: 'count', target: { atMost: 0 } },
  };
}
