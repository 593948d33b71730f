import type { ProcessUse } from '../mirror/kvstoremesh-process.ts';
import type { Churned } from '../churn/churned-cache.ts';
import type { Figures } from '../figure.ts';
import { longest } from '../restart/stalls.ts';
import type { Stall } from '../restart/stalls.ts';
import { median, percentile } from '../statistics.ts';
import { renderTable } from '../table.ts';

/** What became of so many remote clusters. */
export interface MirroredMesh {
  readonly remotes: number;
  /** From the first file of a cluster until all are mirrored. */
  readonly syncSeconds: number;
  readonly use: ProcessUse;
  /** Since the first file. */
  readonly stalls: readonly Stall[];
  /** Of one remote's changes. */
  readonly churned: Churned;
}

/** Few remote clusters and all of them, one right after the other. */
export interface ClustersRound {
  readonly few: MirroredMesh;
  readonly all: MirroredMesh;
  readonly foreignLoad: number;
}

/** Medians over rounds; but what was lost in any of them is lost. */
export function clustersFigures(rounds: readonly ClustersRound[]): Figures {
  const over = (of: (round: ClustersRound) => number): number => median(rounds.map(of));
  const lost = rounds.reduce((sum, { few, all }) => sum + few.churned.lost + all.churned.lost, 0);
  return {
    remotes: { value: Math.min(...rounds.map(({ all }) => all.remotes)), unit: 'count', target: { atLeast: 510 } },
    sync_s: { value: over(({ all }) => all.syncSeconds), unit: 's' },
    rss_mib: { value: over(({ all }) => all.use.rssMib), unit: 'MiB', target: { atMost: 400 } },
    peak_rss_mib: { value: over(({ all }) => all.use.peakRssMib), unit: 'MiB' },
    max_stall_ms: { value: over(({ all }) => stallMs(all)), unit: 'ms', target: { atMost: 50 } },
    max_stall_cpu_ms: { value: over(({ all }) => longest(all.stalls, ({ cpuMs }) => cpuMs)), unit: 'ms' },
    p99_ms: { value: over(({ all }) => p99(all)), unit: 'ms' },
    few_p99_ms: { value: over(({ few }) => p99(few)), unit: 'ms' },
    p99_ratio: { value: over(ratio), unit: 'x', target: { atMost: 1.5 } },
    lost: { value: lost, unit: 'count', target: { atMost: 0 } },
    few_rss_mib: { value: over(({ few }) => few.use.rssMib), unit: 'MiB' },
    foreign_load: { value: over(({ foreignLoad }) => foreignLoad), unit: 'cpus' },
  };
}

export function renderClustersRounds(rounds: readonly ClustersRound[]): string {
  const heads = ['round', 'remotes', 'sync_s', 'cpu_s', 'rss_mib', 'peak_rss_mib', 'stall_ms', 'p99_ms', 'lost'];
  const rows = rounds.flatMap(({ few, all }, index) =>
    [few, all].map((mesh) => {
      const { remotes, syncSeconds, use, churned } = mesh;
      const figures = [syncSeconds, use.cpuMs / 1_000, use.rssMib, use.peakRssMib, stallMs(mesh), p99(mesh)];
      return [index + 1, remotes, ...figures, churned.lost];
    }),
  );
  return renderTable(heads, rows);
}

function ratio({ few, all }: ClustersRound): number {
  return p99(all) / p99(few);
}

function p99({ churned }: MirroredMesh): number {
  return percentile(churned.ms, 0.99);
}

function stallMs({ stalls }: MirroredMesh): number {
  return longest(stalls, ({ ms }) => ms);
}
