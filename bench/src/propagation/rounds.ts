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

/** Several turns of one side as one. */
export function joinMeasured(parts: readonly Measured[]): Measured {
  return {
    ms: parts.flatMap(({ ms }) => ms),
    lost: parts.reduce((sum, { lost }) => sum + lost, 0),
    rate: median(parts.map(({ rate }) => rate)),
  };
}

/** Both sides in turns: whatever else the machine does concerns both. */
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
  return {
    p50_ms: { value: over('ours', 0.5), unit: 'ms' },
    p99_ms: { value: over('ours', 0.99), unit: 'ms' },
    p99_ratio: { value: median(rounds.map(ratioOf)), unit: 'x', target: ratioTarget },
    floor_p50_ms: { value: over('floor', 0.5), unit: 'ms' },
    floor_p99_ms: { value: over('floor', 0.99), unit: 'ms' },
    lost: { value: lostBy(rounds, 'ours'), unit: 'count', target: { atMost: 0 } },
    floor_lost: { value: lostBy(rounds, 'floor'), unit: 'count' },
    changes_per_second: { value: median(rounds.map(({ ours }) => ours.rate)), unit: '1/s' },
    floor_changes_per_second: { value: median(rounds.map(({ floor }) => floor.rate)), unit: '1/s' },
  };
}

/** Every round, for those who look for the reason of a figure. */
export function renderRounds(rounds: readonly Round[]): string {
  const heads = [0.5, 0.99, 1].flatMap((share) => [`floor_${nameOf(share)}`, nameOf(share)]);
  const rows = rounds.map((round, index) => {
    const shares = [0.5, 0.99, 1].flatMap((share) => [
      percentile(round.floor.ms, share),
      percentile(round.ours.ms, share),
    ]);
    return [index + 1, round.ours.ms.length, ...shares, ratioOf(round)];
  });
  return renderTable(['round', 'changes', ...heads, 'p99_ratio'], rows);
}

function nameOf(share: number): string {
  return share === 1 ? 'max_ms' : `p${share * 100}_ms`;
}

/** Within one round: what disturbed the machine then is in both. */
function ratioOf({ floor, ours }: Round): number {
  return percentile(ours.ms, 0.99) / percentile(floor.ms, 0.99);
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
