import type { RunEvent, StepResult } from './runner.ts';
import type { Scenario } from './scenario.ts';

/** One line, or a few, for each thing that happens: readable live and in a log. */
export function renderEvent(event: RunEvent): string {
  switch (event.kind) {
    case 'step':
      return `\n▸ ${event.name}`;
    case 'command':
      return `    $ ${event.text}`;
    case 'progress':
      return `    ${event.text}`;
    case 'result': {
      const { passed, notShown, seen, ms } = event.result;
      return notShown === undefined ? `  ${passed ? '✔' : '✘'} ${seen} (${renderSeconds(ms)})` : `  – ${seen}`;
    }
  }
}

/** The final table: step, what was seen, time. */
export function renderResults(results: readonly StepResult[]): string {
  const rows = results.map((result) => [verdict(result), result.name, seenBriefly(result), renderSeconds(result.ms)]);
  const all = [['', 'STEP', 'SEEN', 'TIME'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Where it passed, the beginning says enough; all of it stands further up. */
function seenBriefly({ passed, seen }: StepResult): string {
  return passed && seen.length > longestSeen ? `${seen.slice(0, longestSeen - 1)}…` : seen;
}
const longestSeen = 100;

/** The last line: `demo ok`, or what failed. */
export function renderVerdict({ name, steps }: Scenario, results: readonly StepResult[]): string {
  const failed = results.find(({ passed }) => !passed);
  if (failed !== undefined) return `${name} failed at "${failed.name}": ${failed.seen}`;
  const missing = steps.length + 1 - results.length;
  return missing === 0 ? `${name} ok` : `${name} stopped with ${missing} steps to go`;
}

export function hasPassed({ steps }: Scenario, results: readonly StepResult[]): boolean {
  return results.length === steps.length + 1 && results.every(({ passed }) => passed);
}

function verdict({ passed, notShown }: StepResult): string {
  if (notShown !== undefined) return '-';
  return passed ? 'ok' : 'FAILED';
}

function renderSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
