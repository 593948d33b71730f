import { describeTarget, passes, rounded } from './figure.ts';
import type { Figures } from './figure.ts';
import { renderTable } from './table.ts';

export interface Report {
  readonly bench: string;
  readonly figures: Figures;
}

/** For people. */
export function renderReport({ figures }: Report): string {
  const rows = Object.entries(figures).map(([name, figure]) => {
    const verdict = figure.target === undefined ? '' : passes(figure) ? 'pass' : 'FAIL';
    return [name, rounded(figure.value), figure.unit, describeTarget(figure), verdict];
  });
  return renderTable(['figure', 'value', 'unit', 'target', 'verdict'], rows);
}

/** For machines: the last line of every run. `value` is null when nothing was measured, `target` when there is none. */
export function reportLine(report: Report): string {
  const figures = Object.entries(report.figures).map(([name, figure]) => {
    const { value, unit } = figure;
    return [name, { value: rounded(value), unit, target: describeTarget(figure) || null, pass: passes(figure) }];
  });
  return JSON.stringify({
    bench: report.bench,
    figures: Object.fromEntries(figures) as object,
    pass: reportPasses(report),
  });
}

export function reportPasses({ figures }: Report): boolean {
  return Object.values(figures).every(passes);
}

/** All reports as one, its figures named `bench.figure`. */
export function joinReports(bench: string, reports: readonly Report[]): Report {
  const figures = reports.flatMap((report) =>
    Object.entries(report.figures).map(([name, figure]) => [`${report.bench}.${name}`, figure] as const),
  );
  return { bench, figures: Object.fromEntries(figures) };
}
