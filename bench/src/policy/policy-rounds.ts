import type { Figures } from '../figure.ts';
import { median, percentile } from '../statistics.ts';
import { renderTable } from '../table.ts';
import { rowCounts } from './policy-rows.ts';
import type { RowCount } from './policy-rows.ts';

/** What the packets of a round took. */
export interface PacketCosts {
  /** Each another flow than the one before. */
  readonly cold: readonly number[];
  /** One flow again and again. */
  readonly warm: readonly number[];
}

export interface PolicyTurn {
  /** From the store's answer to the kernel's map, of each new identity. */
  readonly identityMs: readonly number[];
  readonly packetNs: ReadonlyMap<RowCount, PacketCosts>;
  /** Processors that others kept busy. */
  readonly foreignLoad: number;
}
export type PolicyRound = PolicyTurn;

/** Of the calmest turns. */
export function calmestRound(turns: readonly PolicyTurn[], wanted: number): PolicyRound {
  const calmest = turns.toSorted((left, right) => left.foreignLoad - right.foreignLoad).slice(0, wanted);
  const join = (rows: RowCount, how: keyof PacketCosts): readonly number[] =>
    calmest.flatMap(({ packetNs }) => packetNs.get(rows)?.[how] ?? []);
  return {
    identityMs: calmest.flatMap(({ identityMs }) => identityMs),
    packetNs: new Map(rowCounts.map((rows) => [rows, { cold: join(rows, 'cold'), warm: join(rows, 'warm') }])),
    foreignLoad: calmest.reduce((sum, { foreignLoad }) => sum + foreignLoad, 0) / calmest.length,
  };
}

const [few, , many] = rowCounts;
const p50 = 0.5;
const p99 = 0.99;

/** Medians over rounds, so that a hiccup of the machine in one of them decides nothing. */
export function policyFigures(rounds: readonly PolicyRound[]): Figures {
  const over = (of: (round: PolicyRound) => number): number => median(rounds.map(of));
  const packets = rowCounts.flatMap((rows) =>
    (['cold', 'warm'] as const).map((how) => [
      `packet_${how === 'cold' ? '' : 'warm_'}ns_${rows}`,
      { value: over((round) => nsOf(round, rows, how)), unit: 'ns' },
    ]),
  );
  const ratio = (how: keyof PacketCosts): number => over((round) => nsOf(round, many, how) / nsOf(round, few, how));
  return {
    one_identity_p50_ms: { value: over(({ identityMs }) => percentile(identityMs, p50)), unit: 'ms' },
    one_identity_p99_ms: {
      value: over(({ identityMs }) => percentile(identityMs, p99)),
      unit: 'ms',
      target: { atMost: 10 },
    },
    ...(Object.fromEntries(packets) as Figures),
    packet_ratio_100k: { value: ratio('cold'), unit: 'x', target: { atMost: 3 } },
    packet_warm_ratio_100k: { value: ratio('warm'), unit: 'x', target: { atMost: 3 } },
    foreign_load: { value: over(({ foreignLoad }) => foreignLoad), unit: 'cpus' },
  };
}

function nsOf({ packetNs }: PolicyRound, rows: RowCount, how: keyof PacketCosts): number {
  return median(packetNs.get(rows)?.[how] ?? []);
}

export function renderRounds(rounds: readonly PolicyRound[]): string {
  const heads = [
    'round',
    'identity p50',
    'p99 ms',
    ...rowCounts.flatMap((rows) => [`ns at ${rows}`, 'warm']),
    'others',
  ];
  const lines = rounds.map((round, index) => [
    index + 1,
    percentile(round.identityMs, p50),
    percentile(round.identityMs, p99),
    ...rowCounts.flatMap((rows) => [nsOf(round, rows, 'cold'), nsOf(round, rows, 'warm')]),
    round.foreignLoad,
  ]);
  return renderTable(heads, lines);
}
