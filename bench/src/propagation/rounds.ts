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

/** Floor and ours, one right after the other. */
export interface Turn {
  readonly floor: Measured;
  readonly ours: Measured;
  /** Processors that others kept busy meanwhile. */
  readonly foreignLoad: number;
}

/** Several turns as one: what disturbed the machine then is in both sides. */
export type Round = Turn;

/** Little enough for what is measured to have a processor whenever it wants one. The kernel's own work is about 0.15. */
const calmLoad = 0.35;

export function isCalm({ foreignLoad }: Pick<Turn, 'foreignLoad'>): boolean {
  return foreignLoad <= calmLoad;
}

/** Of the calmest turns; but what was lost in any turn is lost. */
export function calmestRound(turns: readonly Turn[], wanted: number): Round {
  const calmest = turns.toSorted((a, b) => a.foreignLoad - b.foreignLoad).slice(0, wanted);
  const join = (side: Side): Measured => ({
    ms: calmest.flatMap((turn) => turn[side].ms),
    lost: turns.reduce((sum, turn) => sum + turn[side].lost, 0),
    rate: median(calmest.map((turn) => turn[side].rate)),
  });
  const foreignLoad = calmest.reduce((sum, turn) => sum + turn.foreignLoad, 0) / calmest.length;
  return { floor: join('floor'), ours: join('ours'), foreignLoad };
}

export type Side = 'floor' | 'ours';

/** Our target: no more than twice the floor at the 99th percentile. */
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
    foreign_load: { value: median(rounds.map(({ foreignLoad }) => foreignLoad)), unit: 'cpus' },
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
    return [index + 1, round.ours.ms.length, ...shares, ratioOf(round), round.foreignLoad];
  });
  return renderTable(['round', 'changes', ...heads, 'p99_ratio', 'foreign_load'], rows);
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
