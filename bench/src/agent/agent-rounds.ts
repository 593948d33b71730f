import type { Applied } from '../../floors/agent.ts';
import type { Figures } from '../figure.ts';
import { median } from '../statistics.ts';
import { renderTable } from '../table.ts';
import type { AgentRun } from './node.ts';
import type { OneOfManyCosts } from './one-of-many.ts';

/** Floor and ours, one right after the other. */
export interface AgentRound {
  readonly floor: Applied;
  readonly ours: AgentRun;
  readonly oneOfMany: OneOfManyCosts;
  readonly foreignLoad: number;
}

type Rate = Pick<Applied, 'addresses' | 'seconds'>;

function perSecond({ addresses, seconds }: Rate): number {
  return addresses / seconds;
}

/** Medians over rounds. */
export function agentFigures(rounds: readonly AgentRound[]): Figures {
  const over = (of: (round: AgentRound) => number): number => median(rounds.map(of));
  return {
    ips_per_s: { value: over(({ ours }) => perSecond(ours)), unit: '1/s' },
    floor_ips_per_s: { value: over(({ floor }) => perSecond(floor)), unit: '1/s' },
    apply_floor_ratio: { value: over(floorRatio), unit: 'x', target: { atLeast: 0.5 } },
    rss_mib: { value: over(({ ours }) => ours.rssMib), unit: 'MiB', target: { atMost: 600 } },
    peak_rss_mib: { value: over(({ ours }) => ours.peakRssMib), unit: 'MiB' },
    cpu_us_per_ip: { value: over(({ ours }) => (ours.cpuMs * 1_000) / ours.addresses), unit: 'us' },
    max_stall_ms: { value: over(({ ours }) => ours.maxStallMs), unit: 'ms', target: { atMost: 50 } },
    max_stall_cpu_ms: { value: over(({ ours }) => ours.maxStallCpuMs), unit: 'ms' },
    calm_stall_ms: { value: over(({ ours }) => ours.calmStallMs), unit: 'ms' },
    one_of_5000_ratio: {
      value: over(({ oneOfMany }) => oneOfManyRatio(oneOfMany)),
      unit: 'x',
      target: { atMost: 0.05 },
    },
    one_of_5000_ms: { value: over(({ oneOfMany }) => oneOfMany.changeMs), unit: 'ms' },
    build_5000_ms: { value: over(({ oneOfMany }) => oneOfMany.buildMs), unit: 'ms' },
    one_of_5000_bytes: {
      value: over(({ oneOfMany }) => oneOfMany.changeBytes),
      unit: 'bytes',
      target: { atMost: 1_024 },
    },
    build_5000_bytes: { value: over(({ oneOfMany }) => oneOfMany.buildBytes), unit: 'bytes' },
    foreign_load: { value: over(({ foreignLoad }) => foreignLoad), unit: 'cpus' },
  };
}

export function renderAgentRounds(rounds: readonly AgentRound[]): string {
  const heads = ['round', 'floor_s', 's', 'floor_ratio', 'rss_mib', 'peak_rss_mib', 'cpu_s', 'stall_ms', 'of it cpu'];
  const rows = rounds.map((round, index) => {
    const { floor, ours } = round;
    const use = [ours.rssMib, ours.peakRssMib, ours.cpuMs / 1_000, ours.maxStallMs, ours.maxStallCpuMs];
    return [index + 1, floor.seconds, ours.seconds, floorRatio(round), ...use];
  });
  return renderTable(heads, rows);
}

/** Of speeds: 1 is as fast as the floor. */
function floorRatio({ floor, ours }: AgentRound): number {
  return perSecond(ours) / perSecond(floor);
}

/** NaN, which meets no target: what an agent does anyway hid what they cost. */
function oneOfManyRatio({ changeMs, buildMs }: OneOfManyCosts): number {
  return changeMs > 0 && buildMs > 0 ? changeMs / buildMs : Number.NaN;
}
