import type { Figures } from '../figure.ts';
import { median } from '../statistics.ts';
import { renderTable } from '../table.ts';

/** Everything copied once, into an empty etcd. */
export interface Copied {
  readonly keys: number;
  readonly seconds: number;
}

export interface Mirrored extends Copied {
  readonly rssMib: number;
  readonly peakRssMib: number;
  readonly cpuMs: number;
  readonly readBytes: number;
  /** What all connections lost and found again made it write and read. */
  readonly reconnectWrites: number;
  readonly reconnectReadBytes: number;
}

/** Floor and ours, one right after the other. */
export interface MirrorRound {
  readonly floor: Copied;
  readonly ours: Mirrored;
  readonly foreignLoad: number;
}

function keysPerSecond({ keys, seconds }: Copied): number {
  return keys / seconds;
}

/** Medians over rounds. */
export function mirrorFigures(rounds: readonly MirrorRound[]): Figures {
  const over = (of: (round: MirrorRound) => number): number => median(rounds.map(of));
  const worst = (of: (round: MirrorRound) => number): number => Math.max(...rounds.map(of));
  return {
    keys_per_s: { value: over(({ ours }) => keysPerSecond(ours)), unit: '1/s' },
    floor_keys_per_s: { value: over(({ floor }) => keysPerSecond(floor)), unit: '1/s' },
    floor_ratio: { value: over(floorRatio), unit: 'x', target: { atLeast: 0.8 } },
    rss_mib: { value: over(({ ours }) => ours.rssMib), unit: 'MiB', target: { atMost: 300 } },
    peak_rss_mib: { value: over(({ ours }) => ours.peakRssMib), unit: 'MiB' },
    cpu_us_per_key: { value: over(({ ours }) => (ours.cpuMs * 1_000) / ours.keys), unit: 'us' },
    reconnect_writes: { value: worst(({ ours }) => ours.reconnectWrites), unit: 'count', target: { atMost: 0 } },
    reconnect_bytes_ratio: {
      value: worst(({ ours }) => ours.reconnectReadBytes / ours.readBytes),
      unit: 'x',
      target: { atMost: 0.01 },
    },
    foreign_load: { value: over(({ foreignLoad }) => foreignLoad), unit: 'cpus' },
  };
}

export function renderMirrorRounds(rounds: readonly MirrorRound[]): string {
  const heads = ['round', 'keys', 'floor_s', 's', 'floor_ratio', 'rss_mib', 'peak_rss_mib', 'cpu_s', 'foreign_load'];
  const rows = rounds.map((round, index) => {
    const { floor, ours, foreignLoad } = round;
    const use = [ours.rssMib, ours.peakRssMib, ours.cpuMs / 1_000];
    return [index + 1, ours.keys, floor.seconds, ours.seconds, floorRatio(round), ...use, foreignLoad];
  });
  return renderTable(heads, rows);
}

/** Of speeds: 1 is as fast as the floor. */
function floorRatio({ floor, ours }: MirrorRound): number {
  return keysPerSecond(ours) / keysPerSecond(floor);
}
