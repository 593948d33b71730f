import { describeError } from '@clustermesh/runtime';

import type { BenchRow } from './bench.ts';
import { benches } from './benches.ts';
import { parseCommand, usage } from './command-line.ts';
import type { Command } from './command-line.ts';
import { describeMachine } from './machine.ts';
import { joinReports, renderReport, reportLine, reportPasses } from './report.ts';
import type { Report } from './report.ts';

const command = parseCommand(process.argv.slice(2), benches);
if (!command.ok) {
  process.stderr.write(`${command.reason}\n\n${usage(benches)}\n`);
  process.exitCode = 2;
} else if (command.value.names.length === 0) {
  process.stdout.write(`${usage(benches)}\n`);
} else {
  process.exitCode = await main(command.value);
}

async function main({ names, effort, joined }: Command): Promise<number> {
  const { signal, stopped } = stopOnSignals();
  const reports: Report[] = [];
  try {
    for (const name of names) reports.push(await runBench(name, effort, signal));
  } catch (error) {
    if (!signal.aborted) process.stderr.write(`${names.at(reports.length) ?? ''}: ${describeError(error)}\n`);
    return stopped() ?? 1;
  }
  const whole = joined ? joinReports('all', reports) : undefined;
  if (whole !== undefined) process.stdout.write(`${reportLine(whole)}\n`);
  return reports.every(reportPasses) ? 0 : 1;
}

async function runBench(name: string, wanted: Command['effort'], signal: AbortSignal): Promise<Report> {
  const { load } = benches[name] as BenchRow;
  const bench = await load();
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(`${name} on ${describeMachine()}`);
  const figures = await bench.run({ effort: { ...bench.effort, ...wanted }, signal, say });
  signal.throwIfAborted();
  const report = { bench: name, figures };
  process.stdout.write(`${renderReport(report)}\n${reportLine(report)}\n`);
  return report;
}

/**
 * Ctrl-C reaches us twice where npm passes it on besides the terminal, so that a second one is not impatience:
 * cleaning up has its own deadlines. What nobody handled stops us in the same way.
 */
function stopOnSignals(): { readonly signal: AbortSignal; readonly stopped: () => number | undefined } {
  const stop = new AbortController();
  let exitCode: number | undefined;
  const stopWith = (code: number): void => {
    exitCode ??= code;
    stop.abort();
  };
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(name, () => stopWith(code));
  }
  for (const event of ['unhandledRejection', 'uncaughtException']) {
    process.on(event, (error: unknown) => {
      process.stderr.write(`${describeError(error)}\n`);
      stopWith(1);
    });
  }
  return { signal: stop.signal, stopped: () => exitCode };
}
