import type { FlowLine, ToldFlow } from './flow-line.ts';
import { isLost, policyText } from './flow-line.ts';
import { partyText } from './party-text.ts';

const heads = ['TIME (UTC)', 'VERDICT', 'DIRECTION', 'PROTO', 'FROM', 'TO', 'REASON', 'POLICY'];
/** Room for what is usual, so that columns seldom grow. */
const leastWidths = [12, 9, 9, 7, 32, 32, 14, 0];
const gap = '   ';

/** A table whose rows come one by one: columns only grow, and what stands stays. */
export class FlowTable {
  readonly #widths = [...leastWidths];
  #hasHead = false;

  /** Text to print for lines that came together. */
  render(lines: readonly FlowLine[]): string {
    const rows = lines.map((line) => (isLost(line) ? lostText(line.node, line.lost, line.reason) : cells(line)));
    const all = this.#hasHead || lines.length === 0 ? rows : [heads, ...rows];
    if (lines.length > 0) this.#hasHead = true;
    for (const row of all) if (typeof row !== 'string') this.#grow(row);
    return all.map((row) => (typeof row === 'string' ? row : this.#pad(row))).join('\n');
  }

  #grow(row: readonly string[]): void {
    for (const [column, cell] of row.entries()) {
      this.#widths[column] = Math.max(this.#widths[column] ?? 0, cell.length);
    }
  }

  #pad(row: readonly string[]): string {
    return row
      .map((cell, column) => cell.padEnd(this.#widths[column] ?? 0))
      .join(gap)
      .trimEnd();
  }
}

function lostText(node: string, count: number, reason: string): string {
  return `… ${count} ${count === 1 ? 'event was' : 'events were'} not told${node === '' ? '' : ` by node ${node}`}: ${reason}`;
}

function cells(flow: ToldFlow): readonly string[] {
  const protocol = flow.icmpType === undefined ? flow.protocol : `${flow.protocol} ${flow.icmpType}`;
  return [
    flow.time.slice('2026-01-01T'.length, '2026-01-01T00:00:00.000'.length),
    flow.verdict,
    flow.direction,
    protocol,
    partyText(flow.source),
    partyText(flow.destination),
    flow.verdict === 'forwarded' ? '-' : flow.reason + (flow.relation === undefined ? '' : ` (${flow.relation})`),
    policyText(flow),
  ];
}
